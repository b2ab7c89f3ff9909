import type { Cluster, NodeView } from "#adapters/cluster/port.ts";

/** A cluster that remembers where its Nodes were last seen, for machines whose address the inventory does not give. */
export function rememberAddresses(cluster: Cluster): { cluster: Cluster; addressOf(machine: string): string | undefined } {
  const known = new Map<string, string>();
  const remember = (nodes: readonly NodeView[]) => {
    for (const { machine, addresses } of nodes) if (machine !== undefined && addresses[0] !== undefined) known.set(machine, addresses[0]);
  };
  return {
    addressOf: (machine) => known.get(machine),
    cluster: {
      ...cluster,
      async node(machine, signal) {
        const node = await cluster.node(machine, signal);
        if (node) remember([{ ...node, machine }]);
        return node;
      },
      async nodes(signal) {
        const nodes = await cluster.nodes(signal);
        remember(nodes);
        return nodes;
      },
      watch: (onChange) =>
        cluster.watch((picture) => {
          remember(picture.nodes);
          onChange(picture);
        }),
    },
  };
}
