import {
  driftCheckRequested,
  encodeToken,
  type Json,
  machineBooted,
  maintenanceEntered,
  type Office,
  stableId,
  upgradeRolledBack,
} from "#events";

/** What runs on a machine, in which boot. */
export interface Boot {
  readonly bootId: string;
  readonly version: string;
  readonly schematic?: string;
}

/** What was last seen of a machine, whoever saw it: it outlives this process, so that what happens meanwhile is seen as a change. */
export interface Seen {
  readonly presence: "ours" | "maintenance";
  readonly boot?: Boot;
  /** The boot after an upgrade was not confirmed, or an upgrade waited for a reboot. */
  readonly pending?: boolean;
  /** What ran when no upgrade was pending: what a machine goes back to. */
  readonly confirmed?: Pick<Boot, "version" | "schematic">;
  /** A digest of the running configuration. */
  readonly configuration?: string;
}

/** Turns two looks at a machine into the events that lie between them. What is seen for the first time is no news. */
export async function tellChanges(machine: string, before: Seen | undefined, now: Seen, office: Office): Promise<void> {
  if (!before) return;
  const { bus, site } = office;
  const source = `lightsout/${site}/talos`;
  const { boot } = now;
  if (now.presence === "maintenance" && before.presence !== "maintenance") {
    const seen = "its Talos API presents itself without a configuration";
    await bus.publish(maintenanceEntered, { machine, seen }, { id: stableId("maintenance", machine, before.boot?.bootId ?? ""), source });
  }
  if (boot && before.boot?.bootId !== boot.bootId) {
    await bus.publish(machineBooted, { machine, ...boot }, { id: stableId("boot", machine, boot.bootId), source });
    if (before.pending && !now.pending && sameSystem(before.confirmed, boot)) await tellRollback(machine, boot, source, office);
  }
  if (before.configuration !== undefined && now.configuration !== before.configuration) {
    await bus.publish(driftCheckRequested, { machine }, { id: stableId("configuration", machine, now.configuration ?? ""), source });
  }
}

/** A run that upgrades the machine tells it itself, and knows more. */
async function tellRollback(machine: string, { bootId, version }: Boot, source: string, { bus, claims }: Office): Promise<void> {
  if ((await claims.holder(machine))?.function === "upgrade") return;
  if ((await bus.since(upgradeRolledBack, machine, 0)).some(({ event }) => event.data.bootId === bootId)) return;
  await bus.publish(upgradeRolledBack, { machine, running: version, bootId }, { id: stableId("rolled back", machine, bootId), source });
}

const sameSystem = (one: Seen["confirmed"], other: Boot) =>
  one !== undefined && one.version === other.version && one.schematic === other.schematic;

/** Records of the bucket `seen`, one for each machine, remembered here and shared by compare-and-set. */
export function createSeen({ kv }: Office["store"]) {
  const known = new Map<string, { readonly seen: Seen; readonly revision: number }>();
  const read = async (machine: string) => {
    const entry = await kv.get("seen", encodeToken(machine));
    if (entry) known.set(machine, { seen: entry.value as unknown as Seen, revision: entry.revision });
  };
  return {
    async of(machine: string): Promise<Seen | undefined> {
      if (!known.has(machine)) await read(machine);
      return known.get(machine)?.seen;
    },
    /** What another worker has written meanwhile is read instead: the next look judges by that. */
    async keep(machine: string, seen: Seen): Promise<void> {
      const now = known.get(machine);
      if (now && JSON.stringify(now.seen) === JSON.stringify(seen)) return;
      const revision = await kv.put("seen", encodeToken(machine), seen as unknown as Json, now?.revision ?? 0);
      if (revision === undefined) await read(machine);
      else known.set(machine, { seen, revision });
    },
  };
}
