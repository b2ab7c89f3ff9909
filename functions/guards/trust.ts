import type { Inventory, Trust } from "#adapters/inventory/port.ts";
import type { Guard, Settings } from "#events";
import { allow, ask, byOperator } from "./verdict.ts";

/** Trust in force: what an operator gave the machine, then its pool, then the configuration. */
export async function trustOf(machine: string, settings: Settings, inventory: Inventory): Promise<Trust> {
  const { pool, trust } = inventory.machine(machine);
  return (await settings.trust("machine", machine)) ?? (await settings.trust("pool", pool)) ?? trust;
}

/**
 * How much the machine lets Lightsout do: `observe` shows and does nothing, `ask` wants a person's word, `auto` acts.
 *
 * @param options.lapsed why `auto` is no more than `ask` here, if so: no drill was passed, or the machine is not what it was then
 */
export function trustGuard(options: {
  settings: Settings;
  inventory: Inventory;
  lapsed?: ((machine: string) => Promise<string | undefined>) | undefined;
}): Guard {
  return {
    name: "trust",
    async check(intent) {
      const trust = await trustOf(intent.machine, options.settings, options.inventory);
      if (trust === "observe") {
        return { says: "observe", reason: `trust is observe: nothing is done. To be asked: lightsout trust ${intent.machine} ask` };
      }
      const lapsed = trust === "auto" ? await options.lapsed?.(intent.machine) : undefined;
      if (trust === "auto" && lapsed === undefined) return allow("trust is auto");
      const why = lapsed === undefined ? "trust is ask" : `trust is auto, but ${lapsed}`;
      const person = byOperator(intent);
      if (person !== undefined) return allow(`${why}, and ${person} asked for it`);
      return intent.approved.has("trust") ? allow(`${why}, and a person agreed`) : ask(`For ${intent.machine} ${why}`);
    },
  };
}
