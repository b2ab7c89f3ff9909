import { DeviceError, explain, type Step } from "#events";
import type { Ports } from "../define.ts";

/**
 * Has a control plane hand on the leadership of etcd before it goes, so that nobody waits for an election. Harmless and repeatable; where it
 * does not lead, or cannot hand it on, that is noted: whether it may go at all is the quorum guard's to say.
 */
export async function forfeitLeadership(machine: string, step: Step, ports: Pick<Ports, "inventory" | "talos">): Promise<void> {
  if (ports.inventory.machine(machine).role !== "control-plane") return;
  await step.run("hand on the leadership of etcd", async (signal) => {
    try {
      const heir = await ports.talos.of(machine).etcd.forfeitLeadership(signal);
      return heir === undefined ? "it does not lead" : `handed on to ${heir}`;
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      return `not handed on: ${explain(error)}`;
    }
  });
}
