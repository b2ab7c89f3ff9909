import { openObligations } from "../journal.ts";
import type { RunSummary, Runs } from "../runs.ts";
import type { Drive, Shown } from "./office.ts";

/** Writes what a run is doing into the index of runs, newest state only, never in the run's way. */
export function createShow(runs: Runs, drive: Omit<Drive, "show">): { show(state: Shown): void; flushed(): Promise<void> } {
  const { office, name, journal, event } = drive;
  let next: Shown | undefined;
  let writing: Promise<void> | undefined;

  const write = async () => {
    while (next) {
      const state = next;
      next = undefined;
      const now = new Date(office.clock.now()).toISOString();
      const summary: RunSummary = {
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
        updatedAt: now,
        obligations: openObligations(journal.entries),
        entries: journal.entries.length,
      };
      await runs.set(name.run, (known) => ((known?.entries ?? 0) > journal.entries.length ? undefined : summary)).catch(() => undefined);
    }
    writing = undefined;
  };

  return {
    show(state) {
      next = state;
      writing ??= write();
    },
    flushed: async () => writing,
  };
}
