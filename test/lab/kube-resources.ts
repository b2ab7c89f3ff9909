import { STATUS_CODES } from "node:http";

interface Resource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const core = (kind: string, namespaced = true): Resource => ({ group: "", version: "v1", kind, namespaced });
const of = (group: string, kind: string, namespaced = true): Resource => ({ group, version: "v1", kind, namespaced });
const rbac = "rbac.authorization.k8s.io";

/** What the simulated API knows, by plural name: what its own parts work with, and what a CNI or an operator is made of. */
export const resources: Readonly<Record<string, Resource>> = {
  nodes: core("Node", false),
  pods: core("Pod"),
  events: core("Event"),
  persistentvolumes: core("PersistentVolume", false),
  namespaces: core("Namespace", false),
  configmaps: core("ConfigMap"),
  secrets: core("Secret"),
  services: core("Service"),
  serviceaccounts: core("ServiceAccount"),
  certificatesigningrequests: of("certificates.k8s.io", "CertificateSigningRequest", false),
  leases: of("coordination.k8s.io", "Lease"),
  daemonsets: of("apps", "DaemonSet"),
  deployments: of("apps", "Deployment"),
  clusterroles: of(rbac, "ClusterRole", false),
  clusterrolebindings: of(rbac, "ClusterRoleBinding", false),
  roles: of(rbac, "Role"),
  rolebindings: of(rbac, "RoleBinding"),
  customresourcedefinitions: of("apiextensions.k8s.io", "CustomResourceDefinition", false),
  poddisruptionbudgets: of("policy", "PodDisruptionBudget"),
  volumeattachments: of("storage.k8s.io", "VolumeAttachment", false),
};

export interface Route {
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly sub?: string;
}

/** Takes a path of the Kubernetes API apart; `undefined` when it names nothing we know. */
export function route(pathname: string): Route | undefined {
  const match = /^\/(?:api\/v1|apis\/([^/]+)\/(v1))(?:\/namespaces\/([^/]+))?\/([a-z]+)(?:\/([^/]+))?(?:\/([a-z]+))?$/.exec(pathname);
  const [, group = "", , namespace, resource = "", name, sub] = match ?? [];
  if (!match || resources[resource]?.group !== group) return undefined;
  return {
    resource,
    ...(namespace ? { namespace } : {}),
    ...(name ? { name: decodeURIComponent(name) } : {}),
    ...(sub ? { sub } : {}),
  };
}

/** The discovery documents that kubectl reads first; `undefined` for any other path. */
export function discovery(pathname: string): unknown {
  if (pathname === "/version") return { major: "1", minor: "34", gitVersion: "v1.34.1", platform: "linux/amd64" };
  if (pathname === "/api") return { kind: "APIVersions", versions: ["v1"] };
  const groups = [...new Set(Object.values(resources).map((one) => one.group))].filter(Boolean);
  if (pathname === "/apis") {
    const listed = groups.map((name) => {
      const version = { groupVersion: `${name}/v1`, version: "v1" };
      return { name, versions: [version], preferredVersion: version };
    });
    return { kind: "APIGroupList", apiVersion: "v1", groups: listed };
  }
  const group = pathname === "/api/v1" ? "" : groups.find((name) => pathname === `/apis/${name}/v1`);
  if (group === undefined) return undefined;
  const found = Object.entries(resources).filter(([, one]) => one.group === group);
  const verbs = ["get", "list", "watch", "patch", "create", "delete"];
  const listed: Record<string, unknown>[] = found.map(([name, { kind, namespaced }]) => ({
    name,
    singularName: "",
    kind,
    namespaced,
    verbs,
  }));
  if (group === "")
    listed.push({
      name: "pods/eviction",
      singularName: "",
      namespaced: true,
      group: "policy",
      version: "v1",
      kind: "Eviction",
      verbs: ["create"],
    });
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: group === "" ? "v1" : `${group}/v1`, resources: listed };
}

/** metav1.Status for a refusal. */
export function status(code: number, reason: string, message: string, details?: Record<string, unknown>): Record<string, unknown> {
  const what = message || (STATUS_CODES[code] ?? "");
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: what,
    reason,
    code,
    ...(details ? { details } : {}),
  };
}
