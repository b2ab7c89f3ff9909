import { createInventory } from "#adapters/inventory/mod.ts";
import type { SystemInformation, TalosMachines } from "#adapters/os/port.ts";
import type { ProbeAddress } from "#adapters/os/tls-probe.ts";
import { isPlaceholderSerial, isPlaceholderUuid, sameSerial, sameUuid } from "#events";
import { machinesOf } from "../machines.ts";
import { addressesOf, openTalos } from "../os.ts";
import type { Config, MachineConfig } from "../schema.ts";
import { attended, broken, type Finding, failure, judgeExpiry, ok, warning } from "./check.ts";
import type { ClusterSeen } from "./cluster.ts";

/** The Talos API as the configuration logs in to it. */
export interface TalosSeen {
  readonly findings: readonly Finding[];
  /** Absent where the talosconfig cannot be used, or there is none. */
  readonly talos?: TalosMachines;
}

/** Reads the talosconfig; `close` the answer's `talos`. */
export function openTalosFor(
  config: Config,
  cluster: ClusterSeen,
  options: { osAddress?: ((machine: string) => ProbeAddress | undefined) | undefined; now: number },
): TalosSeen {
  if (config.talos?.talosconfig === undefined) return { findings: [] };
  try {
    const inventory = createInventory({ site: config.site, machines: machinesOf(config) });
    const seen = (machine: string) => cluster.nodes?.find((node) => node.machine === machine)?.addresses[0];
    const talos = openTalos(config, { inventory, addressOf: options.osAddress ?? addressesOf(inventory, seen) });
    const { expiresAt, roles } = talos.credential();
    const login = judgeExpiry(
      "talosconfig",
      "its certificate",
      expiresAt,
      options.now,
      "Make a new one on a control plane: talosctl config new",
    );
    const role = roles.includes("os:admin")
      ? ok("role", "os:admin")
      : warning("role", `${roles.join(", ") || "none"}: machines can be read, not changed`, "Use a talosconfig with the role os:admin");
    return { findings: [login, role], talos };
  } catch (error) {
    return { findings: [broken("talosconfig", error)] };
  }
}

/** Whether a machine's Talos answers, lets us in, and is the machine that is meant. */
export async function checkTalos(machine: MachineConfig, all: TalosMachines, withinMs: number): Promise<readonly Finding[]> {
  const done = await attended(withinMs, async (signal) => {
    const talos = all.of(machine.name);
    const { is, seen } = await talos.presence(signal);
    if (is === "silent")
      return [
        warning(
          "Talos",
          `its API does not answer (${seen})`,
          "Nothing to do if it is off; else check its address and the way to port 50000",
        ),
      ];
    if (is === "maintenance")
      return [warning("Talos", "it is in maintenance mode: it has no configuration", `lightsout install ${machine.name}`)];
    if (is === "foreign")
      return [failure("Talos", seen, "Check that the address belongs to this machine and the talosconfig to its cluster")];
    const [{ tag }, system] = await Promise.all([talos.version(signal), talos.system(signal)]);
    return [judge(machine, tag, system)];
  });
  return "found" in done ? done.found : [broken("Talos", done.error)];
}

function judge({ serial, talos, uuid }: MachineConfig, tag: string, found: SystemInformation): Finding {
  const other =
    uuid !== undefined && found.uuid !== undefined && !isPlaceholderUuid(found.uuid) && !sameUuid(found.uuid, uuid)
      ? `uuid ${found.uuid}, the inventory says ${uuid}`
      : serial !== undefined && found.serial !== undefined && !isPlaceholderSerial(found.serial) && !sameSerial(found.serial, serial)
        ? `serial ${found.serial}, the inventory says ${serial}`
        : undefined;
  if (other !== undefined)
    return failure("Talos", `the machine that answers has ${other}`, "Correct the address, uuid or serial of this machine");
  const declared = talos?.version;
  return ok(
    "Talos",
    `${tag} answers and is this machine${declared === undefined || declared === tag ? "" : `; ${declared} is declared (lightsout upgrade)`}`,
  );
}
