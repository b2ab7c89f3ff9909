import type { Cluster } from "#adapters/cluster/port.ts";
import { DeviceError } from "#events";

/** What asking a cluster comes to where none is configured: `LO_CLUSTER_UNREACHABLE`, and no statement about anything. */
export const noCluster = async (target: string): Promise<never> => {
  throw new DeviceError("LO_CLUSTER_UNREACHABLE", { target, operation: "ask the cluster", effect: "none" }, "no cluster is configured", {
    hint: "Give cluster.kubeconfig in lightsout.yaml",
  });
};

/** Where no cluster is configured: machines have no Node, and whatever needs one says so. */
export const clusterless: Cluster = {
  node: async () => undefined,
  nodes: async () => [],
  cordon: noCluster,
  uncordon: async () => "theirs",
  drain: noCluster,
  pods: async () => [],
  attachments: async () => [],
  taintOutOfService: noCluster,
  untaintOutOfService: noCluster,
  report: async () => undefined,
  settle: noCluster,
  room: async () => ({ fits: false, why: "no cluster is configured" }),
  servingRequests: async () => [],
  approveServing: ({ name }) => noCluster(name),
  apply: () => noCluster("cluster"),
  version: () => noCluster("cluster"),
  components: async () => [],
  watch: async () => async () => undefined,
};
