import type { NodeSettings } from "#adapters/cluster/port.ts";
import type { Act } from "#events";
import type { Ports } from "../define.ts";
import { inLabels, inTaints } from "./drift.ts";
import { asRefusal } from "./refusal.ts";

type Settling = Pick<Ports, "inventory" | "cluster" | "configs">;

/** Gives a Node the labels or taints that are declared of its machine now, and leaves all others alone. */
export function settleNode(machine: string, what: readonly ("labels" | "taints")[], ports: Settling): Act {
  const { node } = ports.inventory.machine(machine);
  const settings = (): NodeSettings => {
    const { labels, taints } = ports.configs.declared(machine);
    return { labels: what.includes("labels") ? labels : {}, taints: what.includes("taints") ? taints : {} };
  };
  return {
    machine,
    verb: "settle-node",
    async observe(signal) {
      const found = await ports.cluster.node(machine, signal);
      if (!found) return { is: "done", seen: "it has no Node" };
      const wrong = [inLabels(settings(), found), inTaints(settings(), found)].flatMap((one) => one?.running ?? []);
      return wrong.length === 0 ? { is: "done", seen: "as declared" } : { is: "not-done", seen: wrong.join(", ") };
    },
    async perform(permit) {
      permit.gate();
      try {
        return (await ports.cluster.settle(machine, settings(), permit.signal)).join(", ") || "nothing to change";
      } catch (error) {
        throw asRefusal(error);
      }
    },
    settle: "30s",
    patient: true,
    undo: `kubectl edit node ${node}`,
  };
}
