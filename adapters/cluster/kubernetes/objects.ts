import { DeviceError } from "#events";
import type { KubeClient } from "./client.ts";
import { refusal } from "./failures.ts";
import { field } from "./json.ts";

/**
 * The items of any collection; `undefined` when the cluster has no such resource. A 404 alone does not say so: a proxy that knows nothing of
 * the cluster answers it too. So the cluster's own list of API groups is asked, and must not name the group.
 */
export async function readObjects(client: KubeClient, path: string, signal?: AbortSignal): Promise<readonly unknown[] | undefined> {
  const read = async (from: string, operation: string, list: string) => {
    const found = field(await client.call({ method: "GET", path: from, target: path, operation, signal }), list);
    if (Array.isArray(found)) return found as readonly unknown[];
    throw protocol(path, operation, `the answer has no ${list}`);
  };
  try {
    return await read(path, "list", "items");
  } catch (error) {
    if (refusal(error)?.status !== 404) throw error;
  }
  const group = path.split("/")[2];
  const groups = await read("/apis", "list API groups", "groups");
  if (groups.length === 0) throw protocol(path, "list API groups", "the API names no groups, not even its own");
  if (!groups.some((one) => field(one, "name") === group)) return undefined;
  throw protocol(
    path,
    "list",
    `the cluster has ${group}, but not under this path`,
    "This version of it is not known here: look at it by hand",
  );
}

function protocol(target: string, operation: string, what: string, hint = "Check the server in the kubeconfig"): DeviceError {
  return new DeviceError("LO_CLUSTER_PROTOCOL", { target, operation, effect: "none" }, what, { hint });
}
