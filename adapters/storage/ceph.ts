import { field, word } from "./json.ts";
import type { ReadObjects, StorageHealth } from "./storage.ts";

/**
 * Ceph as Rook runs it: every CephCluster must read HEALTH_OK. HEALTH_WARN is not enough: it is what a cluster reads that has just lost a
 * host, and the next one may hold the last copy. Rook: `status.ceph.health` and `details` of ceph.rook.io/v1 CephCluster.
 */
export async function cephHealth(readObjects: ReadObjects, signal?: AbortSignal): Promise<StorageHealth | undefined> {
  const clusters = await readObjects("/apis/ceph.rook.io/v1/cephclusters", signal);
  if (clusters === undefined || clusters.length === 0) return undefined;
  const ill = clusters.filter((one) => field(one, "status", "ceph", "health") !== "HEALTH_OK");
  if (ill.length === 0) return { healthy: true, why: "Ceph is HEALTH_OK" };
  return { healthy: false, why: ill.map(describe).join("; ") };
}

function describe(cluster: unknown): string {
  const details = field(cluster, "status", "ceph", "details");
  const checks = typeof details === "object" && details !== null ? Object.keys(details) : [];
  const why = checks.length > 0 ? ` (${checks.slice(0, 4).join(", ")})` : "";
  return `Ceph ${word(field(cluster, "metadata", "name"))} reads ${word(field(cluster, "status", "ceph", "health"))}${why}`;
}
