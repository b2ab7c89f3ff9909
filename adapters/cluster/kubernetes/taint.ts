import { admit, type Permit } from "#events";
import { field, items } from "./json.ts";
import { changeNode, type NodeAccess, readNode } from "./nodes.ts";
import { OUT_OF_SERVICE } from "./view.ts";

/**
 * The out-of-service taint (https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/#non-graceful-node-shutdown):
 * Kubernetes then deletes the Node's pods and detaches its volumes by force. On a machine that still runs this corrupts
 * file systems, so the proof that it is off is asked for anew before every single write, a retry after a conflict too.
 */
export async function taintOutOfService(
  access: NodeAccess,
  machine: string,
  permit: Permit,
  proof: () => Promise<void>,
): Promise<"set" | "already"> {
  admit(permit, machine, "taint-out-of-service");
  return await changeNode<"set" | "already">(
    access,
    machine,
    "taint out of service",
    (node) => {
      if (hasTaint(node)) return { done: "already" };
      const taints = [...items(field(node, "spec", "taints")), { key: OUT_OF_SERVICE, value: "nodeshutdown", effect: "NoExecute" }];
      return proof().then(() => ({ patch: { spec: { taints } }, done: "set" as const, gate: () => permit.gate() }));
    },
    permit.signal,
  );
}

/** Removes the taint. Done when it is not there, or when there is no such Node. */
export async function untaintOutOfService(access: NodeAccess, machine: string, signal?: AbortSignal): Promise<void> {
  const operation = "untaint out of service";
  if (!(await readNode(access, machine, operation, signal))) return;
  await changeNode<void>(
    access,
    machine,
    operation,
    (node) => {
      if (!hasTaint(node)) return { done: undefined };
      const kept = items(field(node, "spec", "taints")).filter((taint) => field(taint, "key") !== OUT_OF_SERVICE);
      return { patch: { spec: { taints: kept.length > 0 ? kept : null } }, done: undefined };
    },
    signal,
  );
}

function hasTaint(node: unknown): boolean {
  return items(field(node, "spec", "taints")).some((taint) => field(taint, "key") === OUT_OF_SERVICE);
}
