import { STATUS_CODES } from "node:http";

interface Resource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** What the simulated API knows, by plural name. */
export const resources: Readonly<Record<string, Resource>> = {
  nodes: { group: "", version: "v1", kind: "Node", namespaced: false },
  pods: { group: "", version: "v1", kind: "Pod", namespaced: true },
  events: { group: "", version: "v1", kind: "Event", namespaced: true },
  persistentvolumes: { group: "", version: "v1", kind: "PersistentVolume", namespaced: false },
  namespaces: { group: "", version: "v1", kind: "Namespace", namespaced: false },
  configmaps: { group: "", version: "v1", kind: "ConfigMap", namespaced: true },
  serviceaccounts: { group: "", version: "v1", kind: "ServiceAccount", namespaced: true },
  certificatesigningrequests: { group: "certificates.k8s.io", version: "v1", kind: "CertificateSigningRequest", namespaced: false },
  leases: { group: "coordination.k8s.io", version: "v1", kind: "Lease", namespaced: true },
  daemonsets: { group: "apps", version: "v1", kind: "DaemonSet", namespaced: true },
  poddisruptionbudgets: { group: "policy", version: "v1", kind: "PodDisruptionBudget", namespaced: true },
  volumeattachments: { group: "storage.k8s.io", version: "v1", kind: "VolumeAttachment", namespaced: false },
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
