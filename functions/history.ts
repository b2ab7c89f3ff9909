import { createBus, driftFound, driftGone, type EventStore, upgradeRolledBack } from "#events";

/** What happened to machines before, as far as events are kept. */
export interface History {
  /** Versions of Talos that the machine was upgraded to and did not come up with, the newest last. */
  rolledBack(machine: string): Promise<readonly { readonly version: string; readonly at: number }[]>;
  /** What was last told of the machine's drift: empty where it is gone, or was never told. */
  drift(machine: string): Promise<readonly Drift[]>;
}

/** One thing that a machine runs otherwise than it is declared. */
export type Drift = {
  readonly of: "version" | "schematic" | "extensions" | "configuration" | "labels" | "taints" | "boot-order" | "kubernetes";
  readonly declared: string;
  readonly running: string;
};

export function createHistory(store: EventStore): History {
  const bus = createBus(store, [upgradeRolledBack, driftFound, driftGone]);
  return {
    async rolledBack(machine) {
      const found = await bus.since(upgradeRolledBack, machine, 0);
      return found.flatMap(({ event, received }) =>
        event.data.wanted === undefined ? [] : [{ version: event.data.wanted, at: received }],
      );
    },
    async drift(machine) {
      const [found, gone] = await Promise.all([bus.since(driftFound, machine, 0), bus.since(driftGone, machine, 0)]);
      const last = found.at(-1);
      return last && last.position > (gone.at(-1)?.position ?? 0) ? last.event.data.drift : [];
    },
  };
}
