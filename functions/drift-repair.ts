import { driftFound } from "#events";
import { defineFunction } from "./define.ts";
import { settleNode } from "./fragments/settle.ts";

/** Put right what the policy allows: the Node's labels and taints. Everything else stays as it is reported. */
export default defineFunction(
  {
    id: "drift-repair",
    on: driftFound,
    uses: ["inventory", "cluster", "configs", "policy"],
    acts: ["settle-node"],
    timeout: "30m",
  },
  async ({ event, step, ports }) => {
    const { drift, machine } = event.data;
    const allowed = ports.policy.drift.repair.filter((may) => drift.some(({ of }) => of === may));
    if (allowed.length > 0) await step.act(`put ${allowed.join(" and ")} right`, settleNode(machine, allowed, ports), { attempts: 5 });
  },
);
