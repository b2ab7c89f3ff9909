export type { KubeconfigSource } from "./client.ts";
export { createKubernetesCluster, type KubernetesOptions, type KubernetesTimeouts } from "./cluster.ts";
