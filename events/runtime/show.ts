import { openObligations, RunLostError } from "../journal.ts";
import type { RunSummary, Runs } from "../runs.ts";
import type { Drive, Shown } from "./office.ts";

/** Where a run tells what it is doing. */
export interface Show {
  show(state: Shown): void;
  flushed(): Promise<void>;
  /** Resolves when the run stands in the index; rejects when it is let go before. */
  readonly listed: Promise<void>;
}

/**
 * Writes what a run is doing into the index of runs, newest state only, never in the run's way.
 * @param revision of the entry, if this worker wrote it: as long as nobody else does, it need not be read again. 0: it is not there yet
 */
export function createShow(runs: Runs, drive: Omit<Drive, "show">, revision: number | undefined): Show {
  const { office, name, journal, event, control } = drive;
  let next: Shown | undefined;
  let writing: Promise<void> | undefined;
  /** Set while it is too early to tell. */
  let early: (() => void) | undefined;
  let known = revision;
  const inIndex = Promise.withResolvers<void>();
  // Most runs have nobody who waits for this.
  inIndex.promise.catch(() => undefined);
  if (revision !== 0) inIndex.resolve();

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
  /** Until it is written: nobody else would ever tell how the run ended. */
  const write = async () => {
    for (let failed = 0; next && !early; ) {
      const state = next;
      next = undefined;
      try {
        await put(summaryOf(state));
        inIndex.resolve();
        failed = 0;
      } catch (error) {
        next ??= state;
        if (control.signal.aborted || control.stopping) {
          inIndex.reject(error);
          break;
        }
        await office.clock.sleep(Math.min(200 * 2 ** failed, 5000), control.signal).catch(() => undefined);
        failed += 1;
      }
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
    let waited = false;
    early = office.telling.join(() => {
      if (waited) now();
      waited = true;
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
      inIndex.reject(new RunLostError(name.run));
    },
    listed: inIndex.promise,
  };
}
