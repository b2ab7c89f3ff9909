export { createKubernetesCluster, type KubernetesCluster, type KubernetesOptions } from "./cluster.ts";
export { credentialOf, type KubeCredential } from "./kubeconfig.ts";
export { type Permission, permissions } from "./permissions.ts";
