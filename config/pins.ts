import type { Pins } from "#adapters/power/redfish/mod.ts";
import { type EventStore, encodeToken } from "#events";

/** Certificate fingerprints trusted on first use, kept in the event store so that every worker trusts the same. */
export function createPins(store: EventStore): Pins {
  const key = (machine: string) => `pin.${encodeToken(machine)}`;
  return {
    get: async (machine) => (await store.kv.get("settings", key(machine)))?.value as string | undefined,
    async set(machine, fingerprint) {
      // A refused write means that another worker saw the BMC first: the next comparison is made with what it saw.
      await store.kv.put("settings", key(machine), fingerprint, 0);
    },
  };
}
