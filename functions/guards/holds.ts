import type { Inventory, Machine } from "#adapters/inventory/port.ts";
import type { ActIntent, Guard, Hold, LedgerEntry, Settings } from "#events";
import { allow, disrupts, held, refuse } from "./verdict.ts";

/** Freeze, in the store or by the local STOP file: every act waits. The file is read first, so it holds with the store down. */
export function freezeGuard(options: { stopFile: () => string | undefined; settings: Settings }): Guard {
  return {
    name: "freeze",
    async check() {
      const stop = options.stopFile();
      if (stop !== undefined) return { says: "wait", reason: `the STOP file ${stop} is there` };
      const freeze = await options.settings.freeze();
      return freeze ? { says: "wait", reason: `frozen by ${freeze.by}: ${freeze.reason}` } : allow("not frozen");
    },
  };
}

/** The hold that covers a machine: on itself, its pool, its rack or everything. */
export const holdOn = ({ name, pool, rack }: Machine, holds: readonly Hold[]): Hold | undefined =>
  holds.find((hold) => hold.scope === "all" || { machine: name, pool, rack }[hold.scope] === hold.name);

/** Holds on the machine, its pool, its rack or everything, and a hold by Node annotation. Before the first act it refuses, later it waits. */
export function holdGuard(options: {
  settings: Settings;
  inventory: Inventory;
  now: () => number;
  annotation: (machine: string) => Promise<string | undefined>;
}): Guard {
  return {
    name: "hold",
    async check(intent) {
      const hold = holdOn(options.inventory.machine(intent.machine), await options.settings.holds(options.now()));
      if (hold) return held(intent, `held by ${hold.by} (${hold.scope} ${hold.name}): ${hold.reason}`);
      // With the cluster down, bringing back what is off must still work; everything else gets no answer and waits.
      const annotated = await options.annotation(intent.machine).catch((error: unknown) => {
        if (disrupts(intent)) throw error;
        return undefined;
      });
      return annotated === undefined ? allow("not held") : held(intent, `its Node is annotated lightsout.dev/hold=${annotated}`);
    },
  };
}

/** The ledger: what the machine is meant to be, and a quarantine. */
export function ledgerGuard(of: (machine: string) => Promise<LedgerEntry>): Guard {
  return { name: "ledger", check: async (intent) => judgeLedger(await of(intent.machine), intent) };
}

export function judgeLedger(
  entry: LedgerEntry,
  intent: Pick<ActIntent, "function" | "machine" | "run" | "planned">,
): ReturnType<typeof allow> {
  const { by, why, quarantine } = entry;
  // What is only planned would be in the ledger by the time it acts.
  const want = (intent.planned ? intent.function.on.intends : undefined) ?? entry.want;
  if (quarantine && quarantine.run !== intent.run) {
    return refuse(`quarantined since ${quarantine.since}: ${quarantine.reason}. When it is safe: lightsout release ${intent.machine}`);
  }
  if (want !== undefined && intent.function.aim !== undefined && want !== intent.function.aim) {
    return refuse(
      `${by ?? "somebody"} wants it ${want} (${why ?? "no reason given"}), ${intent.function.id} would leave it ${intent.function.aim}`,
    );
  }
  return allow(want === undefined ? "nobody said what it should be" : `meant to be ${want}`);
}
