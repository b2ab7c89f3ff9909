import type { Machine } from "#adapters/inventory/port.ts";
import type { Json } from "#events";
import { RefusedError } from "#events";
import type { Ports } from "../define.ts";

/** One machine's place in a rollout. */
export type Place = { readonly machine: string; readonly version: string; readonly canary: boolean };

/** Who is upgraded, in which order. */
export type RolloutPlan = { readonly order: readonly Place[]; readonly undeclared: readonly string[] } & { readonly [key: string]: Json };

/**
 * The order of a rollout: the first machine of each hardware profile is its canary, and all canaries come before the rest; within each,
 * workers before control planes, so that a version that does not come up is found out where nothing depends on it. Machines of which nothing
 * is declared are left out, and named.
 */
export function planRollout(
  pool: string | undefined,
  version: string | undefined,
  ports: Pick<Ports, "inventory" | "configs">,
): RolloutPlan {
  const meant = ports.inventory.machines().filter((machine) => pool === undefined || machine.pool === pool);
  const known = meant.filter(({ name }) => ports.configs.has(name)).toSorted(byRole);
  if (known.length === 0) {
    throw new RefusedError(
      `${pool === undefined ? "No machine" : `No machine of pool ${pool}`} has a declared Talos: nothing can be rolled out`,
      {
        hint: "Give talos.version and a schematic in lightsout.yaml",
      },
    );
  }
  const profiles = new Set<string>();
  const places = known.map(({ name }): Place => {
    const declared = ports.configs.declared(name);
    const canary = !profiles.has(declared.profile);
    profiles.add(declared.profile);
    return { machine: name, version: version ?? declared.version, canary };
  });
  return {
    order: [...places.filter(({ canary }) => canary), ...places.filter(({ canary }) => !canary)],
    undeclared: meant.filter(({ name }) => !ports.configs.has(name)).map(({ name }) => name),
  };
}

const byRole = (a: Machine, b: Machine) => Number(a.role === "control-plane") - Number(b.role === "control-plane");
