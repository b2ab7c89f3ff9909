import type { Machine } from "#adapters/inventory/mod.ts";
import type { Duration } from "#events";
import type { Config } from "./schema.ts";

/** The machines of a configuration as the inventory keeps them: without credentials. */
export function machinesOf(config: Config): Machine[] {
  return config.machines.map(({ patience: _, talos: __, bmc, ...machine }) => ({
    ...machine,
    ...(bmc && { bmc: { kind: bmc.kind, address: bmc.address, ...(bmc.port !== undefined && { port: bmc.port }) } }),
  }));
}

/** How long each machine of a configuration is given to come back by itself; for `createInventory`. */
export function patienceOf(config: Config): (machine: Machine) => Duration {
  const known = new Map(config.machines.map(({ name, patience }) => [name, patience]));
  return ({ name }) => known.get(name) ?? config.patience;
}
