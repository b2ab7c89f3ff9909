import { rolloutRequested } from "#events";
import { defineFunction } from "./define.ts";
import { planRollout, rollOut } from "./fragments/rollout.ts";

/** Bring a pool, or every machine, to a version of Talos: canaries first, one at a time, and no further than the first failure. */
export default defineFunction(
  {
    id: "rollout",
    on: rolloutRequested,
    uses: ["inventory", "cluster", "talos", "configs", "storage", "standing", "errands", "history", "policy"],
    timeout: "30d",
  },
  async ({ event, step, ports }) => {
    const plan = await step.run("who is to be upgraded", (signal) => planRollout(event.data, ports, signal), {
      reads: true,
      timeout: "2m",
    });
    if (plan.order.length > 1) {
      const canaries = plan.order.filter(({ canary }) => canary).length;
      const ask = `Upgrade ${plan.order.length} machines in this order, ${canaries} of them first of their kind?`;
      await step.approve("agree to the order", { ask, plan, within: "24h" });
    }
    await rollOut(plan, step, ports);
  },
);
