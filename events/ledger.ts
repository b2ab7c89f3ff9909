import type { Obligation } from "./journal.ts";
import { createRecords, type Records } from "./records.ts";
import type { ActVerb } from "./runtime/permit.ts";
import type { Said } from "./said.ts";
import { type EventStore, encodeToken } from "./store.ts";

/** What a machine is meant to be, and what stands against touching it. */
export interface LedgerEntry extends Said {
  readonly machine: string;
  /** Left alone until a person releases it. */
  readonly quarantine?: { readonly reason: string; readonly run: string; readonly since: string };
  /** The run that took the machine last and has not left it: only it may write down what it left, however late its worker wakes. */
  readonly turn?: string;
  /** What a run left standing in the world, for whoever works on the machine next. */
  readonly left?: {
    readonly run: string;
    readonly obligations: readonly Obligation[];
    /** Runs it had inherited them from: marks in the world bear the name of the run that set them. */
    readonly before?: readonly string[];
  };
  /** An act whose outcome nobody knows: whoever works on the machine next waits this long before looking. */
  readonly unsettled?: { readonly run: string; readonly verb: ActVerb; readonly settleMs: number };
}

/** One ledger, read and written by recovery, scaling and upgrades alike. */
export interface Ledger {
  of(machine: string): Promise<LedgerEntry>;
  all(): Promise<LedgerEntry[]>;
  /** Writes what `change` makes of the present entry; the same object back leaves it as it is. */
  change(machine: string, change: (now: LedgerEntry) => LedgerEntry): Promise<LedgerEntry>;
}

export function createLedger(store: EventStore): Ledger {
  const records: Records<LedgerEntry> = createRecords(store.kv, "ledger");
  return {
    of: async (machine) => (await records.get(encodeToken(machine)))?.value ?? { machine },
    all: async () => (await records.all()).map((record) => record.value),
    async change(machine, change) {
      const next = (now: LedgerEntry = { machine }) => {
        const then = change(now);
        return then === now ? undefined : then;
      };
      return (await records.change(encodeToken(machine), next)) ?? { machine };
    },
  };
}
