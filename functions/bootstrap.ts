import { bootstrapRequested, etcdBootstrapRequested, TerminalError } from "#events";
import { defineFunction } from "./define.ts";
import { agreement, planCluster } from "./fragments/cluster-plan.ts";
import { mustHandOut } from "./fragments/hand-out.ts";
import { memberHealthy } from "./fragments/joined.ts";
import { allReady, certifyKubelets, installation, installWorkers, keepKubeconfig, questionOf } from "./fragments/new-cluster.ts";

/** Make a cluster of machines that are off: install them in order, start etcd once, and bring everything to Ready. */
export default defineFunction(
  {
    id: "bootstrap",
    on: bootstrapRequested,
    uses: ["inventory", "power", "cluster", "talos", "configs", "errands", "cni", "kubeconfig", "policy", "standing"],
    timeout: "3d",
  },
  async ({ event, step, ports }) => {
    const { reason = "a new cluster" } = event.data;
    const plan = await step.run("look at every machine", (signal) => planCluster(ports, signal), { reads: true, timeout: "2m" });
    const controlPlanes = plan.machines.filter(({ role }) => role === "control-plane");
    const [first] = controlPlanes;
    if (!first) throw new TerminalError("The plan names no control plane");
    await step.approve(agreement.asked, { ask: questionOf(plan), plan, within: "24h" });

    for (const { machine, found } of controlPlanes)
      if (found !== "installed") await mustHandOut(installation(machine, reason), step, ports);
    const start = { name: `start etcd on ${first.machine}`, event: etcdBootstrapRequested, within: "24h" } as const;
    await mustHandOut({ ...start, data: { machine: first.machine } }, step, ports);
    await keepKubeconfig(first.machine, step, ports);
    await step.run("install a network for pods", (signal) => ports.cni.install(signal), { timeout: "15m", planned: plan.network });
    await installWorkers(plan, reason, step, ports);

    for (const { machine } of controlPlanes) await memberHealthy(machine, step, ports);
    await allReady(plan, step, ports);
    await certifyKubelets(plan, step, ports);
  },
);
