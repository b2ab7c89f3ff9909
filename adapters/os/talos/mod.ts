import { type Clock, DeviceError } from "#events";
import type { TalosMachines } from "../port.ts";
import type { TalosAddress } from "./handshake.ts";
import type { ExpectedIdentity } from "./identity.ts";
import { createMachine, type TalosTimeouts } from "./machine.ts";
import { loadTalosconfig, type Talosconfig, type TalosconfigSource } from "./talosconfig.ts";

export { findTalosconfig } from "./talosconfig.ts";

export interface TalosOptions {
  readonly talosconfig: TalosconfigSource;
  /** Each machine is dialed directly: a machine that forwards may be the one that is down. */
  readonly addressOf: (machine: string) => TalosAddress | undefined;
  /** Who is meant: a machine that contradicts is never acted on. @default nothing is known */
  readonly identityOf?: (machine: string) => ExpectedIdentity | undefined;
  /** The key of a machine in maintenance, as its console shows it. @default unknown: any machine in maintenance at the address is taken */
  readonly fingerprintOf?: (machine: string) => string | undefined;
  readonly clock: Clock;
  readonly timeouts?: Partial<TalosTimeouts>;
}

/**
 * The Talos API of all machines with one client certificate. Nothing is dialed before the first call, and connections are kept. Throws
 * `LO_CONFIG` for a talosconfig that cannot be used; a file is read again at every connect, so a renewed certificate is taken up.
 */
export function createTalos(options: TalosOptions): TalosMachines {
  const { clock, talosconfig } = options;
  const timeouts: TalosTimeouts = { connect: 5000, call: 10_000, long: 900_000, ...options.timeouts };
  const load = (): Talosconfig => loadTalosconfig(talosconfig);
  load();
  const machines = new Map<string, { readonly address: string } & ReturnType<typeof createMachine>>();

  return {
    of(machine) {
      const address = options.addressOf(machine);
      if (!address) {
        const about = { target: machine, operation: "talos", effect: "none" } as const;
        throw new DeviceError("LO_TALOS_UNREACHABLE", about, "no address of it is known", { hint: "Give it an address in the inventory" });
      }
      const written = JSON.stringify(address);
      const known = machines.get(machine);
      if (known?.address === written) return known.talos;
      known?.close();
      const made = createMachine({
        machine,
        address,
        credentials: load,
        expected: () => options.identityOf?.(machine) ?? {},
        fingerprint: () => options.fingerprintOf?.(machine),
        clock,
        timeouts,
      });
      machines.set(machine, { address: written, ...made });
      return made.talos;
    },
    credential() {
      const { expiresAt, roles } = load();
      return { expiresAt, roles };
    },
    async close() {
      for (const { close } of machines.values()) close();
      machines.clear();
    },
  };
}
