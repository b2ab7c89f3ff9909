import type { Cluster } from "#adapters/cluster/port.ts";
import { DeviceError } from "#events";

const none = async (target: string): Promise<never> => {
  throw new DeviceError("LO_CLUSTER_UNREACHABLE", { target, operation: "ask the cluster", effect: "none" }, "no cluster is configured", {
    hint: "Give cluster.kubeconfig in lightsout.yaml",
  });
};

/** Where no cluster is configured: machines have no Node, and whatever needs one says so. */
export const clusterless: Cluster = {
  node: async () => undefined,
  nodes: async () => [],
  cordon: none,
  uncordon: async () => "theirs",
  drain: none,
  pods: async () => [],
  attachments: async () => [],
  taintOutOfService: none,
  untaintOutOfService: none,
  report: async () => undefined,
  settle: none,
  room: async () => ({ fits: false, why: "no cluster is configured" }),
  servingRequests: async () => [],
  approveServing: ({ name }) => none(name),
  apply: () => none("cluster"),
  version: () => none("cluster"),
  components: async () => [],
  watch: async () => async () => undefined,
};
