import type { Pins } from "#adapters/power/redfish/mod.ts";
import { type EventStore, encodeToken, type Json } from "#events";

/** The key in the bucket `settings` under which a machine's fingerprint is kept. */
export const pinKey = (machine: string) => `pin.${encodeToken(machine)}`;

/** The fingerprints of these machines in settings that were read by `pinKey`. */
export const pinsIn = (settings: ReadonlyMap<string, Json>, machines: readonly string[]): ReadonlyMap<string, string> =>
  new Map(
    machines.flatMap((machine) => {
      const pin = settings.get(pinKey(machine));
      return typeof pin === "string" ? [[machine, pin] as const] : [];
    }),
  );

/** Certificate fingerprints trusted on first use, kept in the event store so that every worker trusts the same. */
export function createPins(store: EventStore): Pins {
  return {
    get: async (machine) => (await store.kv.get("settings", pinKey(machine)))?.value as string | undefined,
    async set(machine, fingerprint) {
      // A refused write means that another worker saw the BMC first: the next comparison is made with what it saw.
      await store.kv.put("settings", pinKey(machine), fingerprint, 0);
    },
  };
}
