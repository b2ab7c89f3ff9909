import { explain, type Json, RefusedError } from "#events";
import type { Ports } from "../define.ts";
import { etcdAnywhere } from "./etcd.ts";
import { whatItDoes } from "./idle.ts";

/** A cluster that is to be made, as a person sees it. */
export type ClusterPlan = {
  /** In the order in which they are installed: control planes first, etcd begins on the first. */
  readonly machines: readonly PlannedMachine[];
  readonly network: string;
  readonly kubeconfig: string;
} & { readonly [key: string]: Json | undefined };

type PlannedMachine = {
  readonly machine: string;
  readonly role: "control-plane" | "worker";
  readonly found: "off" | "maintenance" | "installed";
  readonly disk: string;
  readonly talos: string;
  readonly kubernetes: string;
} & { readonly [key: string]: Json | undefined };

type Planning = Pick<Ports, "inventory" | "power" | "cluster" | "talos" | "configs" | "cni" | "kubeconfig" | "standing">;

/**
 * Looks at every machine of which a Talos is declared. Refuses when the cluster exists already, and names everything that stands in the way:
 * machines that run something, configurations that are wrong.
 */
export async function planCluster(ports: Planning, signal?: AbortSignal): Promise<ClusterPlan> {
  await demandNoCluster(ports, signal);
  const declared = ports.inventory.machines().filter(({ name }) => ports.configs.has(name));
  const ordered = [...declared.filter(({ role }) => role === "control-plane"), ...declared.filter(({ role }) => role === "worker")];
  const looked = await Promise.all(ordered.map(({ name, role }) => planMachine(name, role, ports, signal)));
  const wrong = looked.filter((one) => typeof one === "string");
  if (ordered[0]?.role !== "control-plane") wrong.unshift("no control plane is declared");
  if (wrong.length > 0)
    throw new RefusedError(`The cluster cannot be made: ${wrong.join("; ")}`, { hint: "Nothing was done. Correct this first" });
  const machines = looked.filter((one) => typeof one !== "string");
  return { machines, network: ports.cni.describe(), kubeconfig: ports.kubeconfig.where() };
}

async function demandNoCluster(ports: Planning, signal?: AbortSignal): Promise<void> {
  const exists = (why: string) =>
    new RefusedError(`This cluster exists already: ${why}`, {
      hint: "Nothing was done. A machine that is missing is added with: lightsout install <machine>",
    });
  const { is, why } = await etcdAnywhere(ports, signal);
  if (is === "somewhere") throw exists(why);
  if (is === "cannot-tell") throw new RefusedError(`It cannot be known whether this cluster exists already: ${why}`);
  const version = await ports.cluster.version(signal).catch(() => undefined);
  if (version !== undefined) throw exists(`its API answers (${version})`);
}

/** The machine's part of the plan, or what is wrong with it. */
async function planMachine(
  machine: string,
  role: "control-plane" | "worker",
  ports: Planning,
  signal?: AbortSignal,
): Promise<PlannedMachine | string> {
  try {
    const against = await ports.standing.against(machine);
    if (against !== undefined) return `${machine}: ${against}`;
    const { is: found, seen } = await whatItDoes(machine, ports, signal);
    if (found === "busy") return `${machine} is on and runs something: ${seen}`;
    const error = (await ports.configs.problems(machine)).find(({ level }) => level === "error");
    if (error) return `${machine}: ${error.path}: ${error.message}`;
    const { disk, version, kubernetes = "as configured" } = ports.configs.declared(machine);
    if (!disk) return `${machine}: its disk is not declared by serial or WWID`;
    const on = "serial" in disk ? `serial ${disk.serial}` : `WWID ${disk.wwid}`;
    return { machine, role, found, disk: on, talos: version, kubernetes };
  } catch (error) {
    return `${machine}: ${explain(error)}`;
  }
}

/** The question that a bootstrap asks, and the step that hands an installation out. Both are permanent: `install` goes by them. */
export const agreement = { function: "bootstrap", asked: "make the cluster", emitted: (machine: string) => `install ${machine}` };

/** Whether a bootstrap that goes on now hands this installation out, and a person has agreed to exactly this machine in its plan. */
export async function isAgreed(
  machine: string,
  event: { readonly source: string; readonly id: string },
  ports: Pick<Ports, "errands">,
): Promise<boolean> {
  const plan = await ports.errands.agreed(event, { ...agreement, emitted: agreement.emitted(machine) });
  return (plan as ClusterPlan | undefined)?.machines.some((planned) => planned.machine === machine) ?? false;
}
