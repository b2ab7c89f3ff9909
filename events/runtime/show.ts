import { openObligations } from "../journal.ts";
import type { RunSummary, Runs } from "../runs.ts";
import type { Drive, Shown } from "./office.ts";

/** How long a step must work before lists tell of it: quick ones would write more into the index than into the journal. */
const lagMs = 250;

/**
 * Writes what a run is doing into the index of runs, newest state only, never in the run's way.
 * @param revision of the entry, if this worker wrote it: as long as nobody else does, it need not be read again
 */
export function createShow(
  runs: Runs,
  drive: Omit<Drive, "show">,
  revision: number | undefined,
): { show(state: Shown): void; flushed(): Promise<void> } {
  const { office, name, journal, event } = drive;
  let next: Shown | undefined;
  let writing: Promise<void> | undefined;
  let lag: AbortController | undefined;
  let known = revision;

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
    while (next && !lag) {
      const summary = summaryOf(next);
      next = undefined;
      await put(summary).catch(() => undefined);
    }
    writing = undefined;
  };
  const now = () => {
    lag?.abort("shown");
    lag = undefined;
    writing ??= write();
  };
  const soon = () => {
    if (lag) return;
    const mine = new AbortController();
    lag = mine;
    office.clock.sleep(lagMs, mine.signal).then(now, () => undefined);
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
    },
  };
}
