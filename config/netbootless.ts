import type { Netboot } from "#adapters/netboot/port.ts";
import { LightsoutError } from "#events";

const none = (machine: string): never => {
  throw new LightsoutError("LO_NOT_CONFIGURED", `${machine} cannot boot from the network: no boot server is configured`, {
    hint: "Give netboot in lightsout.yaml",
  });
};

/** Where no boot server is configured: nothing can be armed, and nothing is. */
export const netbootless: Netboot = {
  arms: {
    arm: async (machine) => none(machine),
    of: async () => undefined,
    consume: async () => false,
    disarm: async () => undefined,
  },
  prepare: async (machine) => none(machine),
  way: none,
};
