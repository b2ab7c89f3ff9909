import { servingRequested } from "#events";
import { defineFunction } from "./define.ts";
import { approveServing } from "./fragments/serving.ts";

/** A kubelet asks for a serving certificate: what its machine confirms is approved, everything else is left to a person. */
export default defineFunction(
  {
    id: "csr-approver",
    on: servingRequested,
    uses: ["inventory", "cluster", "talos", "policy"],
    acts: ["approve-serving"],
    timeout: "30m",
  },
  async ({ event, step, ports }) => approveServing(event.data.machine, step, ports),
);
