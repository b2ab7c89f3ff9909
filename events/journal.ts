import { randomUUID } from "node:crypto";
import type { Clock } from "./clock.ts";
import type { CloudEvent } from "./define-event.ts";
import { LightsoutError } from "./errors.ts";
import type { Json } from "./json.ts";
import type { ActVerb } from "./runtime/permit.ts";
import { type EventStore, encodeToken } from "./store.ts";

/** The format of journal entries this code writes. A worker declines runs that hold a newer one. */
export const journalFormat = 1;

/** What a run has set in the world and must take back. */
export interface Obligation {
  readonly kind: "cordon" | "out-of-service-taint" | "boot-override" | "arm";
  readonly machine: string;
  /** The command that undoes it by hand. */
  readonly undo: string;
}

export type ActResult = "done" | "already" | "not-done" | "cannot-tell";
export type RunStatus = "ok" | "failed" | "refused" | "observed" | "denied" | "cancelled" | "superseded";
export type Word = "happened" | "did-not-happen" | "abandon";

/** One guard's answer. `wait` holds the act back, `ask` needs a person, `observe` shows and does nothing. */
export interface Verdict {
  readonly guard: string;
  readonly says: "allow" | "wait" | "ask" | "refuse" | "observe";
  readonly reason: string;
  /** With `refuse`: leave the machine alone until a person releases it. */
  readonly quarantine?: boolean;
}

/** What a journal entry says. Steps are known by name; order is the journal's. */
export type Fact =
  | { readonly is: "started"; readonly function: string; readonly key: string; readonly event: CloudEvent; readonly position: number }
  | { readonly is: "fenced"; readonly victim: string }
  | {
      readonly is: "inherited";
      readonly from: string;
      readonly obligations: readonly Obligation[];
      /** Runs before `from` whose marks these may still bear. */
      readonly before?: readonly string[];
    }
  | { readonly is: "done"; readonly step: string; readonly result?: Json; readonly position?: number }
  | { readonly is: "failed"; readonly step: string; readonly attempt: number; readonly error: string }
  | { readonly is: "waiting"; readonly step: string; readonly reason: string; readonly until?: number; readonly paused?: boolean }
  | { readonly is: "obliged"; readonly obligation: Obligation }
  | { readonly is: "cleared"; readonly kind: Obligation["kind"] }
  | {
      readonly is: "intent";
      readonly step: string;
      readonly attempt: number;
      readonly machine: string;
      readonly verb: ActVerb;
      readonly settleMs: number;
      readonly before: string;
      readonly verdicts: readonly Verdict[];
    }
  | { readonly is: "resumed"; readonly step: string; readonly attempt: number }
  | {
      readonly is: "outcome";
      readonly step: string;
      readonly attempt: number;
      readonly result: ActResult;
      readonly seen: string;
      readonly position: number;
    }
  | { readonly is: "judged"; readonly step: string; readonly verdicts: readonly Verdict[] }
  | {
      readonly is: "asked";
      readonly step: string;
      readonly nonce: string;
      readonly digest: string;
      readonly ask: string;
      readonly plan: Json;
      readonly from: string;
      readonly until: number;
      readonly position: number;
    }
  | {
      readonly is: "decided";
      readonly step: string;
      readonly digest: string;
      readonly approved: boolean;
      readonly who: string;
      readonly note?: string;
    }
  | {
      readonly is: "parked";
      readonly step: string;
      readonly reason: string;
      readonly undo: readonly string[];
      readonly position: number;
    }
  | { readonly is: "word"; readonly step: string; readonly word: Word; readonly who: string }
  | { readonly is: "finished"; readonly status: RunStatus; readonly reason?: string };

/** A fact with its writer: `id` and `by` tell our own entry from another's when an answer was lost. */
export type Entry = Fact & { readonly v: number; readonly id: string; readonly by: string; readonly at: number };

/** Another worker owns the run now: stop, touch nothing, acknowledge nothing. */
export class RunLostError extends LightsoutError {
  override readonly name = "RunLostError";
  constructor(run: string) {
    super("LO_RUN_LOST", `run ${run} belongs to another worker now`);
  }
}

/** A run's journal in its owner's hands. */
export interface Journal {
  readonly run: string;
  readonly subject: string;
  readonly entries: readonly Entry[];
  /** The sequence of the newest entry. */
  last(): number;
  /**
   * Appends as the owner. `clean: false`: it is stored, but its acknowledgement was lost or late, so nothing may be
   * done on the strength of it. Throws `RunLostError` when the journal moved on without us.
   */
  append(fact: Fact): Promise<{ readonly clean: boolean }>;
  /** Whether nobody has written after us: asked before a write to the world that may come late. Throws when the store does not answer. */
  stillOurs(): Promise<boolean>;
}

export const journalSubject = (functionId: string, run: string): string => `${encodeToken(functionId)}.${run}`;

/** Reads a journal as it stands. */
export async function readJournal(store: EventStore, subject: string): Promise<{ entries: Entry[]; last: number }> {
  const records = await store.log.read("journal", subject);
  return { entries: records.map((record) => record.data as unknown as Entry), last: records.at(-1)?.seq ?? 0 };
}

/** The writer's view of a journal from `entries` on; `last` is the sequence of the newest. */
export function createJournal(options: {
  store: EventStore;
  clock: Clock;
  worker: string;
  run: string;
  subject: string;
  entries: Entry[];
  last: number;
  /** Aborted when the run is ours no longer: appends end in `RunLostError`. */
  signal: AbortSignal;
  /** Asked when the store did not answer: whether the entry is left to the next worker, which will look. Default: never. */
  givesUp?: () => boolean;
}): Journal {
  const { store, clock, worker, run, subject, entries, signal } = options;
  let last = options.last;

  /** Whether our entry stands in the journal; moves on past it if so. */
  const landed = async (entry: Entry): Promise<boolean> => {
    const tail = await store.log.read("journal", subject, { after: last });
    const mine = tail.findIndex((record) => (record.data as unknown as Entry).id === entry.id);
    if (mine === -1 && tail.length > 0) throw new RunLostError(run);
    if (mine === -1) return false;
    if (tail.length > mine + 1) throw new RunLostError(run);
    last = tail[mine]?.seq ?? last;
    return true;
  };

  return {
    run,
    subject,
    entries,
    last: () => last,
    stillOurs: async () => !signal.aborted && (await store.log.read("journal", subject, { after: last, limit: 1 })).length === 0,
    async append(fact) {
      const entry: Entry = { ...fact, v: journalFormat, id: randomUUID(), by: worker, at: clock.now() };
      for (let attempt = 0; ; attempt += 1) {
        // What still runs after its run was lost or has ended has nothing to say any more.
        if (signal.aborted || isFinished(entries)) throw new RunLostError(run);
        try {
          const answer =
            attempt > 0 && (await landed(entry))
              ? undefined
              : await store.log.append("journal", subject, entry as unknown as Json, { expect: last });
          if (answer === undefined || (!answer.ok && (await landed(entry)))) {
            entries.push(entry);
            return { clean: false };
          }
          if (!answer.ok) throw new RunLostError(run);
          last = answer.seq;
          entries.push(entry);
          return { clean: attempt === 0 && !answer.duplicate };
        } catch (error) {
          if (error instanceof RunLostError) throw error;
          if (options.givesUp?.()) throw new RunLostError(run);
          await clock.sleep(Math.min(200 * 2 ** attempt, 5000), signal).catch(() => undefined);
        }
      }
    },
  };
}

/** Whether the run has ended. */
export const isFinished = (entries: readonly Entry[]): boolean => entries.at(-1)?.is === "finished";

/** Who owns the run: the writer of the newest entry that claims it. */
export const ownerOf = (entries: readonly Entry[]): string | undefined =>
  entries.findLast((entry) => entry.is === "started" || entry.is === "fenced")?.by;

/** The runs whose marks on the machine are this run's to take back, the newest first. */
export const forebears = (entries: readonly Entry[]): string[] => [
  ...new Set(entries.flatMap((entry) => (entry.is === "inherited" ? [entry.from, ...(entry.before ?? [])] : []))),
];

/** What the run has set and not yet taken back. */
export function openObligations(entries: readonly Entry[]): Obligation[] {
  const open = new Map<string, Obligation>();
  for (const entry of entries) {
    if (entry.is === "obliged") open.set(entry.obligation.kind, entry.obligation);
    if (entry.is === "inherited") for (const item of entry.obligations) open.set(item.kind, item);
    if (entry.is === "cleared") open.delete(entry.kind);
  }
  return [...open.values()];
}

/** The act whose intent has no outcome: nobody knows yet whether it happened. */
export function unresolvedIntent(entries: readonly Entry[]): Extract<Fact, { is: "intent" }> | undefined {
  const open = new Map<string, Extract<Fact, { is: "intent" }>>();
  for (const entry of entries) {
    if (entry.is === "intent") open.set(entry.step, entry);
    if (entry.is === "outcome" && entry.result !== "cannot-tell") open.delete(entry.step);
  }
  return [...open.values()].at(-1);
}

/** The event position from which a wait counts: the trigger, the last act or the last match, whichever is latest. */
export function waitPosition(entries: readonly Entry[]): number {
  return entries.reduce((latest, entry) => {
    const here = entry.is === "started" || entry.is === "outcome" || entry.is === "done" ? (entry.position ?? 0) : 0;
    return Math.max(latest, here);
  }, 0);
}
