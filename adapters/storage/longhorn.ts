import { field, word } from "./json.ts";
import type { ReadObjects, StorageHealth } from "./storage.ts";

/**
 * Longhorn: every attached volume must have all its replicas. A detached one has nothing that runs and nothing that is rebuilt. Longhorn:
 * `status.state` and `status.robustness` of longhorn.io/v1beta2 Volume.
 */
export async function longhornHealth(readObjects: ReadObjects, signal?: AbortSignal): Promise<StorageHealth | undefined> {
  const volumes = await readObjects("/apis/longhorn.io/v1beta2/volumes", signal);
  if (volumes === undefined) return undefined;
  const ill = volumes.filter((one) => field(one, "status", "state") !== "detached" && field(one, "status", "robustness") !== "healthy");
  if (ill.length === 0) return { healthy: true, why: `Longhorn's ${volumes.length} volumes are healthy` };
  const named = ill.slice(0, 4).map((one) => `${word(field(one, "metadata", "name"))} is ${word(field(one, "status", "robustness"))}`);
  return {
    healthy: false,
    why: `Longhorn: ${named.join(", ")}${ill.length > named.length ? `, and ${ill.length - named.length} more` : ""}`,
  };
}
