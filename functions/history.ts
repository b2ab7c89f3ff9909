import { createBus, type EventStore, upgradeRolledBack } from "#events";

/** What happened to machines before, as far as events are kept. */
export interface History {
  /** Versions of Talos that the machine was upgraded to and did not come up with, the newest last. */
  rolledBack(machine: string): Promise<readonly { readonly version: string; readonly at: number }[]>;
}

export function createHistory(store: EventStore): History {
  const bus = createBus(store, [upgradeRolledBack]);
  return {
    async rolledBack(machine) {
      const found = await bus.since(upgradeRolledBack, machine, 0);
      return found.flatMap(({ event, received }) =>
        event.data.wanted === undefined ? [] : [{ version: event.data.wanted, at: received }],
      );
    },
  };
}
