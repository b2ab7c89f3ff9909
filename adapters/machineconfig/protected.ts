/** Whether the NodeRestriction admission plugin refuses this label from a kubelet. The few under `kubernetes.io` that it may set are allowed. */
export function isProtectedLabel(key: string): boolean {
  const [prefix = ""] = key.includes("/") ? key.split("/") : [""];
  const within = (domain: string) => prefix === domain || prefix.endsWith(`.${domain}`);
  if (within("node-restriction.kubernetes.io")) return true;
  if (!within("kubernetes.io") && !within("k8s.io")) return false;
  return !(within("kubelet.kubernetes.io") || within("node.kubernetes.io") || allowed.has(key));
}

/** Kubernetes: pkg/kubelet/apis/well_known_labels.go. */
const allowed: ReadonlySet<string> = new Set([
  "kubernetes.io/hostname",
  "kubernetes.io/os",
  "kubernetes.io/arch",
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/arch",
  "beta.kubernetes.io/instance-type",
]);
