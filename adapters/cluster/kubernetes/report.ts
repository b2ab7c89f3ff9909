import type { Clock } from "#events";
import { field, text } from "./json.ts";
import { type NodeAccess, readNode } from "./nodes.ts";

/** Writes a core/v1 Event on the Node. A Node that does not exist gets it by name. */
export async function reportEvent(
  access: NodeAccess,
  clock: Clock,
  machine: string,
  event: { reason: string; message: string; type: "Normal" | "Warning" },
  signal?: AbortSignal,
): Promise<void> {
  const name = access.nodeOf(machine);
  const read = await readNode(access, machine, "report", signal);
  const at = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
  await access.client.call({
    method: "POST",
    // Events about cluster-scoped objects live in "default"; kubectl describe finds them by the Node's uid.
    path: "/api/v1/namespaces/default/events",
    target: machine,
    operation: "report",
    body: {
      apiVersion: "v1",
      kind: "Event",
      metadata: { generateName: `${name}.`, namespace: "default" },
      involvedObject: { apiVersion: "v1", kind: "Node", name, uid: text(field(read?.node, "metadata", "uid")) ?? name },
      reason: event.reason.slice(0, 128),
      message: event.message.slice(0, 1024),
      type: event.type,
      source: { component: "lightsout", host: access.site },
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    },
    signal,
  });
}
