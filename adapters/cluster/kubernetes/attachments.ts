import { field, items, text } from "./json.ts";
import type { NodeAccess } from "./nodes.ts";

/** Names of the volumes attached to the Node. An attachment that is being detached still counts: it ends by disappearing. */
export async function readAttachments({ client, nodeOf }: NodeAccess, machine: string, signal?: AbortSignal): Promise<string[]> {
  const node = nodeOf(machine);
  const path = "/apis/storage.k8s.io/v1/volumeattachments";
  const listed = await client.call({ method: "GET", path, target: machine, operation: "list volume attachments", signal });
  return items(field(listed, "items"))
    .filter((one) => field(one, "spec", "nodeName") === node)
    .map(
      (one) => text(field(one, "spec", "source", "persistentVolumeName")) ?? text(field(one, "metadata", "name")) ?? "an unnamed volume",
    );
}
