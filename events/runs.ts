import type { Obligation } from "./journal.ts";
import type { Json } from "./json.ts";
import { createRecords } from "./records.ts";
import type { EventStore } from "./store.ts";

/** A run as lists show it. A projection of its journal: it may lag, and can be rebuilt. */
export interface RunSummary {
  readonly run: string;
  readonly function: string;
  readonly key: string;
  /** Where its journal is. */
  readonly subject: string;
  readonly event: { readonly type: string; readonly id: string; readonly source: string };
  readonly worker: string;
  readonly status: "queued" | "running" | "waiting" | "asking" | "parked" | "finished";
  readonly reason: string;
  readonly step?: string;
  /** ISO 8601: when it looks again by itself, at the latest. Absent only where it waits for a person's word, or has finished. */
  readonly nextWake?: string;
  readonly startedAt: string;
  readonly updatedAt: string;
  readonly obligations: readonly Obligation[];
  /** How many journal entries this was made from (default 0): what an earlier owner writes late never replaces it. */
  readonly entries?: number;
}

export interface Runs {
  get(run: string): Promise<RunSummary | undefined>;
  all(): Promise<RunSummary[]>;
  /** Puts a run into the index that is not there yet, and answers the entry's revision; one that is stays as it is: `undefined`. */
  begin(summary: RunSummary): Promise<number | undefined>;
  /** Replaces exactly this revision of an entry, and answers the next one; `undefined` when somebody else was there. */
  replace(summary: RunSummary, revision: number): Promise<number | undefined>;
  set(run: string, change: (now: RunSummary | undefined) => RunSummary | undefined): Promise<void>;
  drop(run: string): Promise<void>;
}

export function createRuns(store: EventStore): Runs {
  const records = createRecords<RunSummary>(store.kv, "runs");
  const replace: Runs["replace"] = (summary, revision) => store.kv.put("runs", summary.run, summary as unknown as Json, revision);
  return {
    get: async (run) => (await records.get(run))?.value,
    all: async () => (await records.all()).map((record) => record.value),
    begin: (summary) => replace(summary, 0),
    replace,
    async set(run, change) {
      await records.change(run, change);
    },
    async drop(run) {
      await records.change(run, () => null);
    },
  };
}
