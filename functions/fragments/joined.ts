import { type Step, TerminalError } from "#events";
import type { Ports } from "../define.ts";
import { bootPatience } from "./lost.ts";
import { proveReturned, untilItAnswers } from "./service.ts";
import { approveServing } from "./serving.ts";

type Joining = Pick<Ports, "inventory" | "cluster" | "talos" | "configs" | "policy">;

/**
 * Proof that a machine that was installed serves in the cluster: a healthy member of etcd where it is a control plane, a Node of a boot that was
 * not there before, with its labels and taints, Ready, and all its GPUs allocatable. Then its kubelet gets the serving certificate that it asks for.
 */
export async function proveJoined(machine: string, step: Step, ports: Joining, bootBefore: string | null): Promise<void> {
  const { node, role } = ports.inventory.machine(machine);
  if (role === "control-plane") await memberHealthy(machine, step, ports);
  const within = bootPatience(machine, ports);
  const come = async (signal: AbortSignal) => {
    const found = await ports.cluster.node(machine, signal);
    return found !== undefined && found.bootID !== "" && found.bootID !== bootBefore && found.ready !== "unknown";
  };
  if (!(await step.until("its Node has come", come, { every: "2s", within }))) {
    throw new TerminalError(`${machine} is installed and has not registered its Node within ${within}`, {
      hint: `Look at its kubelet: talosctl -n ${node} logs kubelet`,
    });
  }
  await step.run(
    "labels and taints",
    async (signal) => [...(await ports.cluster.settle(machine, await settingsOf(machine, ports), signal))],
    {
      attempts: untilItAnswers,
    },
  );
  await proveReturned(machine, step, ports, bootBefore);
  await approveServing(machine, step, ports);
}

/** What its Node is to carry: what is declared of it, and what its configuration cannot say itself. */
async function settingsOf(machine: string, ports: Pick<Ports, "configs">) {
  const { labels, taints } = ports.configs.declared(machine);
  const { viaKubernetes } = await ports.configs.render(machine);
  return { labels: { ...viaKubernetes.labels, ...labels }, taints: { ...viaKubernetes.taints, ...taints } };
}

/** Waits until the machine is a voter of etcd that has started, knows a leader and complains of nothing. */
export async function memberHealthy(machine: string, step: Step, ports: Pick<Ports, "talos">): Promise<void> {
  const within = "15m";
  const healthy = async (signal: AbortSignal) => {
    const { etcd } = ports.talos.of(machine);
    const { member, learner, leader, errors } = await etcd.status(signal);
    if (learner || leader === undefined || errors.length > 0) return undefined;
    const self = (await etcd.members(signal)).find(({ id }) => id === member);
    return self && !self.learner && self.name !== "" ? { member } : undefined;
  };
  if (await step.until(`etcd on ${machine} is a healthy member`, healthy, { every: "10s", within, planned: { member: "planned" } })) return;
  throw new TerminalError(`${machine} has not become a healthy member of etcd within ${within}`, {
    hint: `talosctl -n ${machine} etcd status, and talosctl -n ${machine} logs etcd`,
  });
}
