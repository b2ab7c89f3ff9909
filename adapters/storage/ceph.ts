import type { Clock } from "#events";
import { field, word } from "./json.ts";
import type { ReadObjects, StorageHealth } from "./storage.ts";

/** Rook looks once a minute (`defaultStatusCheckInterval`). What it has not looked at for this long, nobody watches. */
const staleMs = 10 * 60_000;

/**
 * Ceph as Rook runs it: every CephCluster must read HEALTH_OK, and must have been looked at just now. HEALTH_WARN is not enough: it is what a
 * cluster reads that has just lost a host, and the next one may hold the last copy. Rook: `status.ceph` of ceph.rook.io/v1 CephCluster
 * (pkg/operator/ceph/cluster/cephstatus.go).
 */
export async function cephHealth(readObjects: ReadObjects, clock: Clock, signal?: AbortSignal): Promise<StorageHealth | undefined> {
  const clusters = await readObjects("/apis/ceph.rook.io/v1/cephclusters", signal);
  if (clusters === undefined || clusters.length === 0) return undefined;
  const ill = clusters.flatMap((one) => trouble(one, clock.now()) ?? []);
  return ill.length === 0 ? { healthy: true, why: "Ceph is HEALTH_OK" } : { healthy: false, why: ill.join("; ") };
}

function trouble(cluster: unknown, now: number): string | undefined {
  const name = word(field(cluster, "metadata", "name"));
  const status = field(cluster, "status", "ceph");
  if (field(status, "health") !== "HEALTH_OK") {
    const details = field(status, "details");
    const checks = typeof details === "object" && details !== null ? Object.keys(details) : [];
    const why = checks.length > 0 ? ` (${checks.slice(0, 4).join(", ")})` : "";
    return `Ceph ${name} reads ${word(field(status, "health"))}${why}`;
  }
  const checked = word(field(status, "lastChecked"));
  const age = now - Date.parse(checked);
  if (Math.abs(age) <= staleMs) return undefined;
  return `Ceph ${name} read HEALTH_OK when Rook last looked, and that was ${checked}: look at the pod rook-ceph-operator`;
}
