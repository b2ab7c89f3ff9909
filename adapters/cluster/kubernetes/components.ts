import { DeviceError } from "#events";
import type { ComponentView } from "../port.ts";
import type { KubeClient } from "./client.ts";
import { field, items, strings, text } from "./json.ts";
import { type NodeAccess, readNode } from "./nodes.ts";
import { isReady } from "./view.ts";

const staticParts = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"] as const;

/** The API server's own word. */
export async function readVersion(client: KubeClient, signal?: AbortSignal): Promise<string> {
  const answer = await client.call({ method: "GET", path: "/version", target: "the API server", operation: "read version", signal });
  const version = text(field(answer, "gitVersion"));
  if (version) return version;
  throw new DeviceError("LO_CLUSTER_PROTOCOL", { target: "the API server", operation: "read version", effect: "none" }, "it names none", {
    hint: "Check that the server in the kubeconfig is a Kubernetes API and no proxy answers for it",
  });
}

/** The parts of Kubernetes on one machine: the static pods and kube-proxy by the tag of their image, the kubelet by its own word. */
export async function readComponents(access: NodeAccess, machine: string, signal?: AbortSignal): Promise<readonly ComponentView[]> {
  const query = new URLSearchParams({ fieldSelector: `spec.nodeName=${access.nodeOf(machine)}` });
  const path = `/api/v1/namespaces/kube-system/pods?${query}`;
  const [pods, read] = await Promise.all([
    access.client.call({ method: "GET", path, target: machine, operation: "list system pods", signal }),
    readNode(access, machine, "read node", signal),
  ]);
  const parts = items(field(pods, "items")).flatMap((pod) => componentOf(pod) ?? []);
  const kubelet = text(field(read?.node, "status", "nodeInfo", "kubeletVersion"));
  return kubelet === undefined ? parts : [...parts, { component: "kubelet", version: kubelet, ready: isReady(read?.node) }];
}

function componentOf(pod: unknown): ComponentView | undefined {
  const labels = strings(field(pod, "metadata", "labels"));
  // Talos labels its static pods with both; kube-proxy has only the second.
  const component = staticParts.find((one) => labels.component === one || labels["k8s-app"] === one);
  if (component === undefined || field(pod, "metadata", "deletionTimestamp") !== undefined) return undefined;
  const container = items(field(pod, "spec", "containers")).find((one) => field(one, "name") === component);
  const version = /:(v[^@]+)(@|$)/.exec(text(field(container, "image")) ?? "")?.[1];
  return version === undefined ? undefined : { component, version, ready: isReady(pod) };
}
