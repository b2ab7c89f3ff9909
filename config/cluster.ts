import { createKubernetesCluster } from "#adapters/cluster/kubernetes/mod.ts";
import type { Inventory } from "#adapters/inventory/port.ts";
import type { ReadObjects } from "#adapters/storage/mod.ts";
import { explain, type RuntimeLog, systemClock } from "#events";
import { rememberCluster, type SeenCluster } from "./cluster-seen.ts";
import { clusterless, noCluster } from "./clusterless.ts";
import type { Config } from "./schema.ts";

/** The cluster of a configuration, or of a kubeconfig's text instead of it. */
export interface OpenCluster extends SeenCluster {
  /** Whether there is one at all. */
  readonly configured: boolean;
  /** The items of a collection of its API; `undefined` where there is none. */
  readonly readObjects: ReadObjects;
  close(): Promise<void>;
}

/** Nothing is asked before the first call. Without a cluster, machines have no Nodes, and whatever needs one says so. */
export function openCluster(
  config: Config,
  options: { inventory: Inventory; log: Pick<RuntimeLog, "note">; text?: string | undefined },
): OpenCluster {
  const { inventory, log, text } = options;
  const { context, kubeconfig: file } = config.cluster ?? {};
  if (text === undefined && file === undefined) {
    const health = () => ({ ok: true, detail: "no cluster is configured" });
    return { ...rememberCluster(clusterless), health, configured: false, readObjects: noCluster, close: async () => undefined };
  }
  const cluster = createKubernetesCluster({
    kubeconfig: { ...(text === undefined ? { file: file ?? "" } : { text }), ...(context !== undefined && { context }) },
    site: config.site,
    nodeOf: (machine) => inventory.machine(machine).node,
    machineOf: (node) => inventory.byNode(node)?.name,
    clock: systemClock,
    onProblem: (error) => log.note("warn", `cluster: ${explain(error)}`),
  });
  return { ...rememberCluster(cluster), configured: true, readObjects: cluster.readObjects, close: () => cluster.close() };
}
