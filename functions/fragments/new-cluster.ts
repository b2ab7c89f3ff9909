import { installRequested, type Step, servingRequested, TerminalError } from "#events";
import type { Ports } from "../define.ts";
import { agreement, type ClusterPlan } from "./cluster-plan.ts";
import { type Errand, handOut, returned } from "./hand-out.ts";

/** What a person is asked before a cluster is made. */
export const questionOf = ({ machines, network, kubeconfig }: ClusterPlan) =>
  `Make a cluster of ${machines.map(({ machine }) => machine).join(", ")}? Their declared disks are written over. etcd begins on ${machines[0]?.machine}. Network for pods: ${network}. The kubeconfig is kept in ${kubeconfig}`;

/** Has another run install the machine, in the name of the plan that was agreed to. */
export const installation = (machine: string, reason: string): Errand<{ machine: string; reason?: string | undefined }> => ({
  name: agreement.emitted(machine),
  event: installRequested,
  data: { machine, reason },
  within: "24h",
});

/** From here on Lightsout and people reach the cluster: its API answers to the kubeconfig that was kept. */
export async function keepKubeconfig(machine: string, step: Step, ports: Pick<Ports, "talos" | "kubeconfig" | "cluster">): Promise<void> {
  const keep = async (signal: AbortSignal) => ports.kubeconfig.keep(await ports.talos.of(machine).kubeconfig(signal));
  await step.run("keep the kubeconfig", keep, { attempts: 10, planned: "" });
  await apiAnswers(machine, step, ports);
}

/** Waits for the API of a cluster whose etcd has just begun on this machine. */
export async function apiAnswers(machine: string, step: Step, ports: Pick<Ports, "cluster">): Promise<void> {
  const within = "20m";
  const answers = (signal: AbortSignal) => ports.cluster.version(signal);
  if (await step.until("the cluster's API answers", answers, { every: "5s", within, planned: "answers" })) return;
  throw new TerminalError(`etcd runs on ${machine}, and the cluster's API has not answered within ${within}`, {
    hint: `talosctl -n ${machine} logs kubelet, and check that the cluster's endpoint leads to it`,
  });
}

/** So many at once: enough to go on, few enough for one boot server and one registry. */
const together = 8;

/** Has all workers installed, some at a time. One that fails holds up no other; in the end it fails this run. */
export async function installWorkers({ machines }: ClusterPlan, reason: string, step: Step, ports: Pick<Ports, "errands">): Promise<void> {
  const errands = machines
    .filter(({ role, found }) => role === "worker" && found !== "installed")
    .map(({ machine }) => installation(machine, reason));
  const failed: string[] = [];
  while (errands.length > 0) {
    const wave = errands.splice(0, together);
    for (const { name, event, data } of wave) await step.emit(name, event, data);
    for (const errand of wave) {
      const { status, reason: why, run } = await returned(errand, step, ports);
      if (status !== "ok") failed.push(`${errand.data.machine} (${status}: ${why}; run ${run})`);
    }
  }
  if (failed.length === 0) return;
  throw new TerminalError(`The cluster runs, but not every machine could be installed: ${failed.join("; ")}`, {
    hint: "See to each of them, then: lightsout install <machine>",
  });
}

/** Proof of a whole cluster: every Node of the plan is Ready. */
export async function allReady({ machines }: ClusterPlan, step: Step, ports: Pick<Ports, "cluster">): Promise<void> {
  const within = "30m";
  const missing = async (signal: AbortSignal) => {
    const states = await Promise.all(machines.map(async ({ machine }) => ({ machine, node: await ports.cluster.node(machine, signal) })));
    return states.filter(({ node }) => node?.ready !== "true").map(({ machine }) => machine);
  };
  const ready = async (signal: AbortSignal) => (await missing(signal)).length === 0;
  if (await step.until("every Node is Ready", ready, { every: "5s", within, planned: true })) return;
  const left = await step.run("see which are not", missing, { reads: true });
  throw new TerminalError(`Not Ready within ${within}: ${left.join(", ")}`, {
    hint: "kubectl describe node; without a network for pods no Node is Ready",
  });
}

/**
 * Kubelets get the serving certificates that they ask for, where the policy is to approve what their machines confirm. What is left alone is
 * reported on its Node.
 */
export async function certifyKubelets(plan: ClusterPlan, step: Step, ports: Pick<Ports, "cluster" | "inventory" | "policy" | "errands">) {
  if (ports.policy.serving !== "approve") return;
  const asking = await step.run("which kubelets ask for certificates", (signal) => askingKubelets(plan, ports, signal), { planned: [] });
  for (const data of asking) {
    await handOut({ name: `certify ${data.machine}: ${data.request}`, event: servingRequested, data, within: "1h" }, step, ports);
  }
}

async function askingKubelets({ machines }: ClusterPlan, ports: Pick<Ports, "cluster" | "inventory">, signal: AbortSignal) {
  const requests = await ports.cluster.servingRequests(signal);
  return machines.flatMap(({ machine }) => {
    const { node } = ports.inventory.machine(machine);
    return requests.filter(({ username }) => username === `system:node:${node}`).map(({ name, uid }) => ({ machine, request: name, uid }));
  });
}
