export { createKubernetesCluster, type KubernetesOptions } from "./cluster.ts";
