import type { NodeView } from "#adapters/cluster/port.ts";
import { isPlaceholderUuid, sameUuid } from "#events";
import type { MachineConfig } from "../schema.ts";
import { type Finding, failure, ok, warning } from "./check.ts";
import type { ClusterSeen } from "./cluster.ts";

/** Whether a machine's Node is there, is the same box, and is alive. */
export function checkNode(machine: MachineConfig, { nodes, now }: ClusterSeen): readonly Finding[] {
  if (!nodes) return [];
  const node = nodes.find(({ name }) => name === machine.node);
  if (!node)
    return [
      warning(
        "Node",
        `the cluster has no Node ${machine.node}`,
        `Write node: <name> for ${machine.name} as \`kubectl get nodes\` prints it; nothing to do if it is not installed yet`,
      ),
    ];
  return [identityOf(machine, node), lifeOf(node, now)];
}

function identityOf({ uuid }: MachineConfig, { name, systemUUID }: NodeView): Finding {
  if (isPlaceholderUuid(systemUUID))
    return warning(
      "Node",
      `${name} tells no usable uuid (${systemUUID || "none"})`,
      "What disrupts it asks a person: nothing ties the Node to the machine",
    );
  if (uuid === undefined) return ok("Node", `${name} runs on ${systemUUID}; the inventory has no uuid to compare`);
  if (sameUuid(systemUUID, uuid)) return ok("Node", `${name} runs on the machine's own uuid`);
  return failure(
    "Node",
    `${name} runs on ${systemUUID}, the inventory says ${uuid}: names are swapped, or the uuid is wrong`,
    "Correct node or uuid of this machine before anything is done to it",
  );
}

function lifeOf({ leaseRenewed, leaseSeconds = 40, name, ready, readyReason }: NodeView, now: number): Finding {
  if (ready !== "true")
    return warning("life", `${name} is not Ready${readyReason === undefined ? "" : ` (${readyReason})`}`, `kubectl describe node ${name}`);
  const at = Date.parse(leaseRenewed ?? "");
  if (!Number.isFinite(at))
    return warning("life", `${name} is Ready and has no lease`, "Without one it cannot be told lost: look at its kubelet");
  const age = now - at;
  // The kubelet writes its own clock into it.
  if (Math.abs(age) <= Math.max(leaseSeconds * 1000, 60_000)) return ok("life", `${name} is Ready, and renews its lease`);
  const seen = `${name} is Ready, and its lease was renewed ${Math.round(Math.abs(age) / 1000)} s ${age > 0 ? "ago" : "in the future"}`;
  return warning("life", seen, "It is about to be lost, or its clock is wrong: look at its kubelet and NTP");
}
