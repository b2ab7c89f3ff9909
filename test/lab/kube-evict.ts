import type { KubeNodes } from "./kube-nodes.ts";
import type { SimPdb, SimPod } from "./kube-objects.ts";
import type { KubePods } from "./kube-pods.ts";
import { status } from "./kube-resources.ts";
import type { KubeStore } from "./kube-store.ts";

/** The answer of `pods/{name}/eviction`, after k8s.io/kubernetes pkg/registry/core/pod/storage/eviction.go. */
export function evict(
  world: { store: KubeStore; pods: KubePods; nodes: KubeNodes },
  pod: SimPod,
  body: unknown,
): { code: number; body: Record<string, unknown> } {
  const { store, pods, nodes } = world;
  const refuse = (code: number, reason: string, message: string, details?: Record<string, unknown>) => ({
    code,
    body: status(code, reason, message, details),
  });
  const { name, namespace, uid, labels = {} } = pod.metadata;
  const wanted = (body as { deleteOptions?: { preconditions?: { uid?: string } } } | undefined)?.deleteOptions?.preconditions?.uid;
  if (wanted && wanted !== uid) {
    return refuse(409, "Conflict", `Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${uid}`);
  }
  if (pods.isUnevictable(pod)) {
    return refuse(403, "Forbidden", `admission webhook "keep.example.com" denied the request: ${name} must stay`);
  }
  const granted = () => ({ code: 201, body: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" } });
  if (pod.metadata.deletionTimestamp) return granted();
  if (pod.status.phase === "Running") {
    const budgets = (store.list("poddisruptionbudgets") as SimPdb[]).filter(
      (one) => one.metadata.namespace === namespace && covers(one, labels),
    );
    if (budgets.length > 1) {
      return refuse(
        500,
        "InternalError",
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
      );
    }
    const [budget] = budgets;
    if (budget) {
      const healthy = (store.list("pods") as SimPod[]).filter(
        (one) =>
          one.metadata.namespace === namespace &&
          covers(budget, one.metadata.labels ?? {}) &&
          one.status.phase === "Running" &&
          !one.metadata.deletionTimestamp &&
          nodes.ready(one.spec.nodeName ?? ""),
      ).length;
      const needs = budget.spec.minAvailable;
      if (healthy - 1 < needs) {
        const message = `The disruption budget ${budget.metadata.name} needs ${needs} healthy pods and has ${healthy} currently`;
        return refuse(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", {
          causes: [{ reason: "DisruptionBudget", message }],
        });
      }
    }
  }
  pods.terminate(pod);
  return granted();
}

function covers(budget: SimPdb, labels: Record<string, string>): boolean {
  return Object.entries(budget.spec.selector.matchLabels).every(([key, value]) => labels[key] === value);
}
