import { nearest } from "#adapters/inventory/mod.ts";
import type { Inventory } from "#adapters/inventory/port.ts";
import { type EventDefinition, LightsoutError } from "#events";

/** Refuses events about machines, pools and racks that do not exist: a hold with a typo would protect nothing, a rollout do nothing. */
export const knownNames = (inventory: Inventory) => (definition: EventDefinition, data: unknown) => {
  const said = data as { scope?: string; name?: string; machine?: string; pool?: string };
  const { machine, pool, scope = pool === undefined ? undefined : "pool", name = pool } = said;
  const named = machine ?? (scope === "machine" ? name : undefined);
  if (named !== undefined) inventory.machine(named);
  if (name === undefined || (scope !== "pool" && scope !== "rack")) return;
  const known = [...new Set(inventory.machines().flatMap((item) => (scope === "pool" ? item.pool : (item.rack ?? []))))];
  if (known.includes(name)) return;
  throw new LightsoutError("LO_EVENT_INVALID", `${definition.type}: there is no ${scope} ${name}`, {
    hint: `Known: ${known.length === 0 ? `no ${scope} at all` : nearest(name, known).join(", ") || known.join(", ")}`,
  });
};
