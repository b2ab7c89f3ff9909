import type { Json } from "./json.ts";
import { type EventStore, encodeToken } from "./store.ts";

/** The exclusive right of one run to actuate one machine, across all functions and workers. */
export interface Claim {
  readonly run: string;
  readonly function: string;
  /** Where its journal is. */
  readonly subject: string;
}

export interface Claims {
  /** Takes the machine, or answers who has it. */
  take(machine: string, claim: Claim): Promise<{ readonly mine: true } | { readonly mine: false; readonly holder: Claim }>;
  /** Lets go, if the run holds it. */
  release(machine: string, run: string): Promise<void>;
  /** Replaces the holder by its successor (or nobody), by revision: false when it moved meanwhile. */
  pass(machine: string, from: string, to: Claim | undefined): Promise<boolean>;
  holder(machine: string): Promise<Claim | undefined>;
}

/** The claims of a store. */
export function createClaims(store: EventStore): Claims {
  const read = async (machine: string) => {
    const entry = await store.kv.get("claims", encodeToken(machine));
    return entry && { claim: entry.value as unknown as Claim, revision: entry.revision };
  };
  const pass: Claims["pass"] = async (machine, from, to) => {
    const now = await read(machine);
    if (!now || now.claim.run !== from) return false;
    const key = encodeToken(machine);
    if (!to) return store.kv.delete("claims", key, now.revision);
    return (await store.kv.put("claims", key, to as unknown as Json, now.revision)) !== undefined;
  };
  return {
    async take(machine, claim) {
      for (;;) {
        const revision = await store.kv.put("claims", encodeToken(machine), claim as unknown as Json, 0);
        if (revision !== undefined) return { mine: true };
        const now = await read(machine);
        if (!now) continue;
        return now.claim.run === claim.run ? { mine: true } : { mine: false, holder: now.claim };
      }
    },
    async release(machine, run) {
      while (!(await pass(machine, run, undefined))) {
        if ((await read(machine))?.claim.run !== run) return;
      }
    },
    pass,
    holder: async (machine) => (await read(machine))?.claim,
  };
}
