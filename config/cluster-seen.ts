import type { Cluster, NodeView } from "#adapters/cluster/port.ts";
import { explain } from "#events";

/** A cluster with a memory of what was last seen of it. */
export interface SeenCluster {
  readonly cluster: Cluster;
  /** Where a machine's Node was last seen, for machines whose address the inventory does not give. */
  addressOf(machine: string): string | undefined;
  /** How the last look at the API went. */
  health(): { readonly ok: boolean; readonly detail: string };
}

export function rememberCluster(cluster: Cluster): SeenCluster {
  const known = new Map<string, string>();
  let last = { ok: false, detail: "the cluster's API has not answered yet" };
  const remember = (nodes: readonly NodeView[]) => {
    for (const { machine, addresses } of nodes) if (machine !== undefined && addresses[0] !== undefined) known.set(machine, addresses[0]);
  };
  return {
    addressOf: (machine) => known.get(machine),
    health: () => last,
    cluster: {
      ...cluster,
      async node(machine, signal) {
        const node = await cluster.node(machine, signal);
        if (node) remember([{ ...node, machine }]);
        return node;
      },
      async nodes(signal) {
        try {
          const nodes = await cluster.nodes(signal);
          last = { ok: true, detail: `${nodes.length} nodes` };
          remember(nodes);
          return nodes;
        } catch (error) {
          last = { ok: false, detail: explain(error) };
          throw error;
        }
      },
      watch: (onChange) =>
        cluster.watch((picture) => {
          last = picture.reachable
            ? { ok: true, detail: `${picture.nodes.length} nodes` }
            : { ok: false, detail: "the cluster's API does not answer" };
          remember(picture.nodes);
          onChange(picture);
        }),
    },
  };
}
