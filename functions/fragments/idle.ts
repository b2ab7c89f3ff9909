import { DeviceError, explain, RefusedError, UnsupportedError } from "#events";
import type { Ports } from "../define.ts";
import { etcdAnywhere } from "./etcd.ts";

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

/** A machine that carries nothing, and whether there is a cluster for it to join. */
export type Found = { readonly is: "off" | "maintenance"; readonly joins: boolean };

/**
 * A machine that is off or in maintenance, and without a Node. What runs something is refused. A cluster that does not answer may know it, but
 * for a control plane while etcd lives nowhere: then there is none.
 */
export async function demandIdle(machine: string, ports: Looking & Pick<Ports, "cluster">, signal?: AbortSignal): Promise<Found> {
  const { is, seen } = await whatItDoes(machine, ports, signal);
  const refused = (why: string) =>
    new RefusedError(`${machine} ${why}`, { hint: `Nothing was done. To wipe it and install it anew: lightsout rebuild ${machine}` });
  if (is === "installed" || is === "busy") throw refused(`is neither off nor waiting for a configuration: ${seen}`);
  try {
    const node = await ports.cluster.node(machine, signal);
    if (node) throw refused(`is known to the cluster as Node ${node.name}`);
    return { is, joins: true };
  } catch (error) {
    const first = error instanceof DeviceError && ports.inventory.machine(machine).role === "control-plane";
    if (first && (await etcdAnywhere(ports, signal)).is === "nowhere") return { is, joins: false };
    throw error;
  }
}
