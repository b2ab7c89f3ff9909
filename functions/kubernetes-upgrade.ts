import { componentUpgradeRequested, kubernetesUpgradeRequested } from "#events";
import { defineFunction } from "./define.ts";
import { mustHandOut } from "./fragments/hand-out.ts";
import { demandControlPlanes, planKubernetes, pullImages, wake } from "./fragments/kubernetes.ts";

/** Kubernetes by one minor version or less: part by part, one machine at a time, each proven before the next. It stops at the first failure. */
export default defineFunction(
  {
    id: "kubernetes-upgrade",
    on: kubernetesUpgradeRequested,
    uses: ["inventory", "cluster", "talos", "configs", "power", "standing", "errands"],
    timeout: "48h",
  },
  async ({ event, step, ports }) => {
    const { version } = event.data;
    const plan = await step.run("what runs, and what is to be done", (signal) => planKubernetes(version, ports, signal), {
      reads: true,
      timeout: "5m",
    });
    if (plan.steps.length === 0) return;
    const ask = `Bring Kubernetes from ${plan.from} to ${version}, in ${plan.steps.length} steps on one machine after another?`;
    await step.approve("agree to the plan", { ask, plan, within: "24h" });

    const asleep = await wake(plan.wake, step, ports);
    const awake = plan.steps.filter(({ machine }) => !(machine in asleep));
    const pull = (signal: AbortSignal) => pullImages(awake, version, ports, signal);
    const unpulled = await step.run("pull all images", pull, { timeout: "1h", planned: {} });
    demandControlPlanes(unpulled, ports);

    for (const { component, machine } of awake.filter((one) => !(one.machine in unpulled))) {
      const data = { component, machine, version };
      await mustHandOut({ name: `${component} on ${machine}`, event: componentUpgradeRequested, data, within: "2h" }, step, ports);
    }
    await step.run("who is left for another time", () => ({ ...plan.later, ...asleep, ...unpulled }), { planned: {} });
  },
);
