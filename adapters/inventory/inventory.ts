import { type Duration, LightsoutError } from "#events";
import { nearest } from "./nearest.ts";
import type { Inventory, Machine } from "./port.ts";

/**
 * The inventory of these machines. Throws `LO_INVENTORY` when two of them share a name or a Node.
 *
 * @param options.patience how long each machine is given to come back by itself; default 5 minutes for all
 */
export function createInventory(options: {
  site: string;
  machines: readonly Machine[];
  patience?: (machine: Machine) => Duration;
}): Inventory {
  const { site, patience = () => "5m" } = options;
  const machines = Object.freeze([...options.machines]);
  const byName = keyed(machines, "name");
  const byNode = keyed(machines, "node");

  const machine = (name: string): Machine => {
    const found = byName.get(name);
    if (found) return found;
    const near = nearest(name, byName.keys());
    throw new LightsoutError("LO_UNKNOWN_MACHINE", `No machine is called "${name}" in the inventory of site ${site}`, {
      hint: near.length > 0 ? `Did you mean ${near.join(" or ")}?` : known(machines),
    });
  };

  return {
    site,
    machines: () => machines,
    machine,
    has: (name) => byName.has(name),
    byNode: (node) => byNode.get(node),
    patience: (name) => patience(machine(name)),
  };
}

function keyed(machines: readonly Machine[], field: "name" | "node"): ReadonlyMap<string, Machine> {
  const found = new Map<string, Machine>();
  for (const machine of machines) {
    const other = found.get(machine[field]);
    if (other) {
      throw new LightsoutError("LO_INVENTORY", `Machines ${other.name} and ${machine.name} have the same ${field}: ${machine[field]}`, {
        hint: `Give each machine its own ${field}`,
      });
    }
    found.set(machine[field], machine);
  }
  return found;
}

function known(machines: readonly Machine[]): string {
  if (machines.length === 0) return "The inventory is empty: add machines to lightsout.yaml";
  const names = machines.slice(0, 8).map((machine) => machine.name);
  return `Known machines: ${names.join(", ")}${machines.length > names.length ? `, and ${machines.length - names.length} more` : ""}`;
}
