import type { KubeClient } from "./client.ts";
import { refusal } from "./failures.ts";
import { field, items } from "./json.ts";

/** The items of any collection; `undefined` when the cluster has no such resource. */
export async function readObjects(client: KubeClient, path: string, signal?: AbortSignal): Promise<readonly unknown[] | undefined> {
  try {
    return items(field(await client.call({ method: "GET", path, target: path, operation: "list", signal }), "items"));
  } catch (error) {
    if (refusal(error)?.status === 404) return undefined;
    throw error;
  }
}
