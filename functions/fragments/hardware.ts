import type { Ports } from "../define.ts";

/** What a machine is, as far as a drill rests on it: who its BMC says it is, the BMC's firmware, and where it was reached. */
export async function hardwareOf(
  machine: string,
  ports: Pick<Ports, "inventory" | "power">,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const { uuids, serial, firmware } = await ports.power.of(machine).identity(signal);
  const { bmc } = ports.inventory.machine(machine);
  const address = bmc && `${bmc.address}${bmc.port === undefined ? "" : `:${bmc.port}`}`;
  const parts = { uuid: uuids[0], serial, firmware, address };
  return Object.fromEntries(Object.entries(parts).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}
