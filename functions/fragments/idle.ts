import { explain, RefusedError, UnsupportedError } from "#events";
import type { Ports } from "../define.ts";

type Looking = Pick<Ports, "inventory" | "power" | "talos">;

/** `installed`: its Talos answers as ours. `busy`: it runs something, or nobody can tell what it does. */
export interface Doing {
  readonly is: "off" | "maintenance" | "installed" | "busy";
  readonly seen: string;
}

/** What a machine is doing that may be about to be installed. */
export async function whatItDoes(machine: string, ports: Looking, signal?: AbortSignal): Promise<Doing> {
  const { is, seen } = await ports.talos.of(machine).presence(signal);
  if (is === "maintenance") return { is, seen };
  if (is === "ours") return { is: "installed", seen };
  if (is === "foreign") return { is: "busy", seen };
  try {
    const { state, raw } = await ports.power.of(machine).state(signal);
    return state === "off" ? { is: "off", seen: `power ${raw}` } : { is: "busy", seen: `power ${raw}, and its Talos does not answer` };
  } catch (error) {
    if (error instanceof UnsupportedError) return { is: "busy", seen: explain(error) };
    throw error;
  }
}

/**
 * A machine that carries nothing: off or in maintenance, and without a Node. What runs something is refused.
 * @param newCluster there is no cluster yet that could know it
 */
export async function demandIdle(
  machine: string,
  newCluster: boolean,
  ports: Looking & Pick<Ports, "cluster">,
  signal?: AbortSignal,
): Promise<"off" | "maintenance"> {
  const { is, seen } = await whatItDoes(machine, ports, signal);
  const refused = (why: string) =>
    new RefusedError(`${machine} ${why}`, { hint: `Nothing was done. To wipe it and install it anew: lightsout rebuild ${machine}` });
  if (is === "installed" || is === "busy") throw refused(`is neither off nor waiting for a configuration: ${seen}`);
  const node = newCluster ? undefined : await ports.cluster.node(machine, signal);
  if (node) throw refused(`is known to the cluster as Node ${node.name}`);
  return is;
}
