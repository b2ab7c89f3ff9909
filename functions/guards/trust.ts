import type { Inventory, Trust } from "#adapters/inventory/port.ts";
import type { Guard, Settings } from "#events";
import { allow, ask, byOperator } from "./verdict.ts";

/** Trust in force: what an operator gave the machine, then its pool, then the configuration. */
async function trustOf(machine: string, settings: Settings, inventory: Inventory): Promise<Trust> {
  const { pool, trust } = inventory.machine(machine);
  return (await settings.trust("machine", machine)) ?? (await settings.trust("pool", pool)) ?? trust;
}

/** Trust as it was given, and as it counts now. */
export interface TrustNow {
  readonly set: Trust;
  /** `auto` that rests on no drill is `ask`. */
  readonly inForce: Trust;
  /** Why less is in force than was given. */
  readonly why?: string;
}

type Lapsed = ((machine: string) => Promise<string | undefined>) | undefined;

/** @param lapsed why `auto` is no more than `ask` here, if so: no drill was passed, or the machine is not what it was then */
export async function trustNow(machine: string, settings: Settings, inventory: Inventory, lapsed: Lapsed): Promise<TrustNow> {
  const set = await trustOf(machine, settings, inventory);
  const why = set === "auto" ? await lapsed?.(machine) : undefined;
  return why === undefined ? { set, inForce: set } : { set, inForce: "ask", why };
}

/** How much the machine lets Lightsout do: `observe` shows and does nothing, `ask` wants a person's word, `auto` acts. */
export function trustGuard(options: { settings: Settings; inventory: Inventory; lapsed?: Lapsed }): Guard {
  return {
    name: "trust",
    async check(intent) {
      const { machine } = intent;
      const { set, inForce, why: less } = await trustNow(machine, options.settings, options.inventory, options.lapsed);
      if (inForce === "observe") {
        return { says: "observe", reason: `trust is observe: nothing is done. To be asked: lightsout trust ${machine} ask` };
      }
      const why = less === undefined ? `trust is ${set}` : `trust is ${set}, but ${less}`;
      if (inForce === "auto") return allow(why);
      const person = byOperator(intent);
      if (person !== undefined) return allow(`${why}, and ${person} asked for it`);
      return intent.approved.has("trust") ? allow(`${why}, and a person agreed`) : ask(`For ${machine} ${why}`);
    },
  };
}
