import type { Inventory } from "#adapters/inventory/port.ts";
import type { Os, TalosMachines } from "#adapters/os/port.ts";
import { createTalos } from "#adapters/os/talos/mod.ts";
import { createTlsProbe, type ProbeAddress } from "#adapters/os/tls-probe.ts";
import { type Clock, DeviceError, LightsoutError, systemClock } from "#events";
import type { Config } from "./schema.ts";

/** Where the operating systems of the machines are asked: as the inventory says, else where the Node was last seen. */
export const addressesOf =
  (inventory: Inventory, seenAt: (machine: string) => string | undefined) =>
  (machine: string): ProbeAddress | undefined => {
    const { address = seenAt(machine) } = inventory.machine(machine);
    return address === undefined ? undefined : { host: address };
  };

export const createOs = (addressOf: (machine: string) => ProbeAddress | undefined, clock: Clock): Os =>
  createTlsProbe({ addressOf, clock });

/** The Talos API with the talosconfig of the configuration, or `text` instead of it; without either, a port that says so. */
export function openTalos(
  config: Config,
  options: { inventory: Inventory; addressOf: (machine: string) => ProbeAddress | undefined; text?: string | undefined },
): TalosMachines {
  const { addressOf, inventory, text } = options;
  const { context, talosconfig: file } = config.talos ?? {};
  if (text === undefined && file === undefined) return talosless;
  return createTalos({
    talosconfig: { ...(text === undefined ? { file: file ?? "" } : { text }), ...(context !== undefined && { context }) },
    addressOf(machine) {
      const address = addressOf(machine);
      return address && { host: address.host, ...(address.talosPort !== undefined && { port: address.talosPort }) };
    },
    identityOf: (machine) => inventory.machine(machine),
    clock: systemClock,
  });
}

const hint = "Give talos.talosconfig in lightsout.yaml, with a certificate of the role os:admin";

const talosless: TalosMachines = {
  of(machine) {
    const about = { target: machine, operation: "talos", effect: "none" } as const;
    throw new DeviceError("LO_TALOS_UNREACHABLE", about, "no talosconfig is configured", { hint });
  },
  credential() {
    throw new LightsoutError("LO_CONFIG", "no talosconfig is configured", { hint });
  },
  close: async () => undefined,
};
