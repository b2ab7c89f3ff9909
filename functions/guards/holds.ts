import type { NodeView } from "#adapters/cluster/port.ts";
import type { Inventory, Machine } from "#adapters/inventory/port.ts";
import type { ActIntent, Guard, Hold, LedgerEntry, Settings } from "#events";
import { heldAsLastSeen, heldByNode } from "./node-hold.ts";
import { allow, disrupts, held, refuse } from "./verdict.ts";

/** Freeze, in the store or by the local STOP file: every act waits. The file is read first, so it holds with the store down. */
export function freezeGuard(options: { stopFile: () => string | undefined; settings: Pick<Settings, "freeze"> }): Guard {
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

/** What a hold says of the machine that it covers. */
export const holdText = ({ by, name, reason, scope, until }: Hold): string =>
  `held by ${by} (${scope} ${name}${until === undefined ? "" : `, until ${until}`}): ${reason}`;

/**
 * Holds on the machine, its pool, its rack or everything, and a hold by annotation of its Node. Before the first act it refuses, later it
 * waits. Where the cluster cannot be asked, the hold that was last seen on the Node counts, also against switching on: somebody may have
 * their hands in a machine that is off. One that had none can still be brought back.
 */
export function holdGuard(options: {
  settings: Settings;
  inventory: Inventory;
  now: () => number;
  node: (machine: string) => Promise<NodeView | undefined>;
}): Guard {
  const { inventory, node, now, settings } = options;

  const annotated = async (intent: ActIntent): Promise<string | undefined> => {
    try {
      return heldByNode(await node(intent.machine), now());
    } catch (error) {
      const seen = heldAsLastSeen(intent.machine, await settings.nodeHold(intent.machine), now());
      if (seen === undefined && disrupts(intent)) throw error;
      return seen;
    }
  };

  return {
    name: "hold",
    async check(intent) {
      const hold = holdOn(inventory.machine(intent.machine), await settings.holds(now()));
      const reason = hold ? holdText(hold) : await annotated(intent);
      return reason === undefined ? allow("not held") : held(intent, reason);
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
