import { type EventDefinition, type EventStore, type RunStatus, type Runs, readJournal, runIdOf, stableId } from "#events";

/** How runs ended that other runs started, for functions that go over many machines: they hold no claims and hand the work out. */
export interface Errands {
  /** How the run ended that `by` started when it emitted `emitted`; `undefined` while it goes on. `parked` waits for a person. */
  ended(by: string, emitted: string, event: EventDefinition): Promise<Ended | undefined>;
}

export interface Ended {
  readonly run: string;
  readonly status: RunStatus | "parked";
  readonly reason: string;
}

/** @param functionOf the id of the function that works on events of this type */
export function createErrands(options: {
  site: string;
  runs: Runs;
  store: EventStore;
  functionOf: (event: EventDefinition) => string;
}): Errands {
  const { site, runs, store } = options;
  return {
    async ended(by, emitted, event) {
      // As `step.emit` names its event, and the intake the run of an event.
      const run = runIdOf(site, options.functionOf(event), `lightsout/${site}/run/${by}`, stableId(by, emitted));
      const summary = await runs.get(run);
      if (summary?.status === "parked") return { run, status: "parked", reason: summary.reason };
      if (summary?.status !== "finished") return undefined;
      const last = (await readJournal(store, summary.subject)).entries.at(-1);
      return last?.is === "finished" ? { run, status: last.status, reason: last.reason ?? last.status } : undefined;
    },
  };
}
