import { openObligations, RunLostError } from "../journal.ts";
import type { RunSummary, Runs } from "../runs.ts";
import type { Drive, Shown } from "./office.ts";

/** Where a run tells what it is doing. */
export interface Show {
  show(state: Shown): void;
  flushed(): Promise<void>;
  /** Resolves when the run stands in the index; rejects when it could not be written there, or was let go before. */
  readonly listed: Promise<void>;
}

/**
 * Writes what a run is doing into the index of runs, newest state only, never in the run's way.
 * @param revision of the entry, if this worker wrote it: as long as nobody else does, it need not be read again. 0: it is not there yet
 */
export function createShow(runs: Runs, drive: Omit<Drive, "show">, revision: number | undefined): Show {
  const { office, name, journal, event } = drive;
  let next: Shown | undefined;
  let writing: Promise<void> | undefined;
  /** Set while it is too early to tell. */
  let early: (() => void) | undefined;
  let known = revision;
  const { promise: listed, resolve: stands, reject: lost } = Promise.withResolvers<void>();
  // Most runs have nobody who waits for this.
  listed.catch(() => undefined);
  if (revision !== 0) stands();

  const summaryOf = (state: Shown): RunSummary => ({
    run: name.run,
    function: name.function,
    key: name.key,
    subject: journal.subject,
    event: { type: event.type, id: event.id, source: event.source },
    worker: office.worker(),
    status: state.status,
    reason: state.reason,
    ...(state.step === undefined ? {} : { step: state.step }),
    ...(state.nextWake === undefined ? {} : { nextWake: new Date(state.nextWake).toISOString() }),
    startedAt: new Date(journal.entries[0]?.at ?? office.clock.now()).toISOString(),
    updatedAt: new Date(office.clock.now()).toISOString(),
    obligations: openObligations(journal.entries),
    entries: journal.entries.length,
  });
  const put = async (summary: RunSummary) => {
    const written = known;
    known = undefined;
    if (written !== undefined) known = await runs.replace(summary, written);
    if (known === undefined) await runs.set(name.run, (now) => ((now?.entries ?? 0) > (summary.entries ?? 0) ? undefined : summary));
  };
  const write = async () => {
    while (next && !early) {
      const summary = summaryOf(next);
      next = undefined;
      await put(summary).then(stands, lost);
    }
    writing = undefined;
  };
  const now = () => {
    early?.();
    early = undefined;
    writing ??= write();
  };
  const soon = () => {
    if (early) return;
    let whole = false;
    early = office.telling.join(() => {
      if (whole) now();
      whole = true;
    });
  };

  return {
    show(state) {
      next = state;
      if (state.status === "running") soon();
      else now();
    },
    async flushed() {
      if (next) now();
      await writing;
      lost(new RunLostError(name.run));
    },
    listed,
  };
}
