import { coldStartRequested } from "#events";
import { defineFunction } from "./define.ts";
import { allBack, comeUp, etcdServes, planColdStart, switchOn } from "./fragments/blackout.ts";

/** After a blackout: everything comes back in order, one machine after another, with no cluster to ask. */
export default defineFunction(
  {
    id: "cold-start",
    on: coldStartRequested,
    uses: ["inventory", "power", "os", "talos", "standing", "errands", "policy"],
    timeout: "24h",
  },
  async ({ step, ports }) => {
    const plan = await step.run("who is to come back", (signal) => planColdStart(ports, signal), { reads: true, timeout: "2m" });
    const count = plan.stages.flatMap(({ machines }) => machines).length;
    const ask = `Switch ${count} machines on, ${ports.policy.coldStart.stagger} apart, in this order?`;
    await step.approve("agree to the order", { ask, plan, within: "24h" });

    const handed: string[] = [];
    for (const stage of plan.stages) {
      const machines = await switchOn(stage.machines, step, ports);
      handed.push(...machines);
      await comeUp(stage, machines, step, ports);
      if (stage.etcd) await etcdServes(step, ports);
    }
    await allBack(handed, step, ports);
  },
);
