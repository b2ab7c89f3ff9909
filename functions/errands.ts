import {
  type EventDefinition,
  type EventStore,
  isFinished,
  type Json,
  type RunStatus,
  type Runs,
  readJournal,
  runIdOf,
  stableId,
} from "#events";

/** How runs ended that other runs started, for functions that go over many machines: they hold no claims and hand the work out. */
export interface Errands {
  /** How the run ended that `by` started when it emitted `emitted`; `undefined` while it goes on. `parked` waits for a person. */
  ended(by: string, emitted: string, event: EventDefinition): Promise<Ended | undefined>;
  /**
   * The plan that a person has approved in the run that emitted this event, while that run goes on. `undefined` for an event that this
   * step of such a run has not emitted, whatever its sender says.
   */
  agreed(event: { readonly source: string; readonly id: string }, given: Given): Promise<Json | undefined>;
}

/** A step that hands work out, and the question that stands before it. */
export interface Given {
  readonly function: string;
  readonly asked: string;
  readonly emitted: string;
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
  // As `step.emit` names its event.
  const sourceOf = (run: string) => `lightsout/${site}/run/${run}`;
  return {
    async ended(by, emitted, event) {
      const run = runIdOf(site, options.functionOf(event), sourceOf(by), stableId(by, emitted));
      const summary = await runs.get(run);
      if (summary?.status === "parked") return { run, status: "parked", reason: summary.reason };
      if (summary?.status !== "finished") return undefined;
      const last = (await readJournal(store, summary.subject)).entries.at(-1);
      return last?.is === "finished" ? { run, status: last.status, reason: last.reason ?? last.status } : undefined;
    },
    async agreed({ source, id }, given) {
      const by = source.slice(sourceOf("").length);
      if (source !== sourceOf(by) || id !== stableId(by, given.emitted)) return undefined;
      const summary = await runs.get(by);
      if (summary?.function !== given.function) return undefined;
      const { entries } = await readJournal(store, summary.subject);
      if (isFinished(entries)) return undefined;
      const decided = entries.find((entry) => entry.is === "decided" && entry.step === given.asked && entry.approved);
      if (decided?.is !== "decided") return undefined;
      const asked = entries.find((entry) => entry.is === "asked" && entry.step === given.asked && entry.digest === decided.digest);
      return asked?.is === "asked" ? asked.plan : undefined;
    },
  };
}
