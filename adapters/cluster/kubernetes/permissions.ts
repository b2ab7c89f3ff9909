import type { KubeClient } from "./client.ts";
import { field } from "./json.ts";

/** One thing that Lightsout does in a cluster. */
export interface Permission {
  /** Empty for the core group. */
  readonly group: string;
  /** With its subresource, as `pods/eviction`. */
  readonly resource: string;
  readonly verb: string;
  /** Of one object alone. */
  readonly name?: string;
  /** What it is for, where Lightsout can do without. */
  readonly only?: "storage" | "approving";
}

const all = (group: string, resources: readonly string[], verbs: readonly string[], more: Pick<Permission, "name" | "only"> = {}) =>
  resources.flatMap((resource) => verbs.map((verb): Permission => ({ group, resource, verb, ...more })));

/** Everything that `deploy/kubernetes/rbac.yaml` grants, and nothing else. */
export const permissions: readonly Permission[] = [
  ...all("", ["nodes"], ["get", "list", "watch", "patch"]),
  ...all("", ["pods", "persistentvolumes"], ["get", "list"]),
  ...all("", ["pods/eviction", "events"], ["create"]),
  ...all("coordination.k8s.io", ["leases"], ["get", "list", "watch"]),
  ...all("storage.k8s.io", ["volumeattachments"], ["get", "list"]),
  ...all("ceph.rook.io", ["cephclusters"], ["list"], { only: "storage" }),
  ...all("longhorn.io", ["volumes", "engines"], ["list"], { only: "storage" }),
  ...all("certificates.k8s.io", ["certificatesigningrequests"], ["get", "list"]),
  ...all("certificates.k8s.io", ["certificatesigningrequests/approval"], ["update"], { only: "approving" }),
  ...all("certificates.k8s.io", ["signers"], ["approve"], { name: "kubernetes.io/kubelet-serving", only: "approving" }),
];

/** Asks the API whether we may (SelfSubjectAccessReview): everybody may ask that, and nothing is kept of it. */
export async function review(client: KubeClient, permission: Permission, signal?: AbortSignal): Promise<boolean> {
  const { group, name, verb } = permission;
  const [resource = "", subresource] = permission.resource.split("/");
  const resourceAttributes = { group, resource, verb, ...(subresource && { subresource }), ...(name && { name }) };
  const answer = await client.call({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    target: "the API server",
    operation: "ask what we may",
    body: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec: { resourceAttributes } },
    signal,
  });
  return field(answer, "status", "allowed") === true;
}
