import type { PodView } from "../port.ts";
import { field, items, strings, text } from "./json.ts";
import type { NodeAccess } from "./nodes.ts";
import { OUT_OF_SERVICE } from "./view.ts";

/** A pod of one Node, with what only the drain needs. */
export interface PodRead extends PodView {
  readonly uid: string;
  /** Marked for deletion; its node has not confirmed yet. */
  readonly deleting: boolean;
  readonly graceSeconds: number;
  readonly finished: boolean;
}

/** Pods bound to the machine's Node. Volumes are looked up only when a pod has claims. */
export async function readPods({ client, nodeOf }: NodeAccess, machine: string, signal?: AbortSignal): Promise<PodRead[]> {
  const query = new URLSearchParams({ fieldSelector: `spec.nodeName=${nodeOf(machine)}` });
  const about = { method: "GET", target: machine, signal } as const;
  const listed = items(field(await client.call({ ...about, path: `/api/v1/pods?${query}`, operation: "list pods" }), "items"));
  const local = listed.some((pod) => claims(pod).length > 0)
    ? localClaims(await client.call({ ...about, path: "/api/v1/persistentvolumes", operation: "list persistent volumes" }))
    : new Set<string>();
  return listed.flatMap((pod) => podRead(pod, local) ?? []);
}

/** The part of a `PodRead` that the port promises. */
export function podView({ uid: _, deleting: _d, graceSeconds: _g, finished: _f, ...view }: PodRead): PodView {
  return view;
}

/** @param local claims as `namespace/name` whose volume lives on one machine. `undefined` for what has no name; never throws. */
export function podRead(pod: unknown, local: ReadonlySet<string>): PodRead | undefined {
  const name = text(field(pod, "metadata", "name"));
  const namespace = text(field(pod, "metadata", "namespace"));
  if (!name || !namespace) return undefined;
  const annotations = strings(field(pod, "metadata", "annotations"));
  const controller = items(field(pod, "metadata", "ownerReferences")).find((one) => field(one, "controller") === true);
  const owner = controller === undefined ? undefined : `${text(field(controller, "kind")) ?? ""}/${text(field(controller, "name")) ?? ""}`;
  const daemonSet = text(field(controller, "kind")) === "DaemonSet";
  const mirror = Object.hasOwn(annotations, "kubernetes.io/config.mirror");
  const phase = text(field(pod, "status", "phase")) ?? "Unknown";
  const finished = phase === "Succeeded" || phase === "Failed";
  const irreplaceable = daemonSet || mirror || finished ? undefined : whyIrreplaceable(pod, annotations, owner, local);
  const grace = field(pod, "metadata", "deletionGracePeriodSeconds") ?? field(pod, "spec", "terminationGracePeriodSeconds");
  return {
    name,
    namespace,
    ...(owner === undefined ? {} : { owner }),
    daemonSet,
    mirror,
    phase,
    ...(irreplaceable === undefined ? {} : { irreplaceable }),
    toleratesOutOfService: items(field(pod, "spec", "tolerations")).some(coversOutOfService),
    uid: text(field(pod, "metadata", "uid")) ?? "",
    deleting: text(field(pod, "metadata", "deletionTimestamp")) !== undefined,
    graceSeconds: typeof grace === "number" && Number.isFinite(grace) ? grace : 30,
    finished,
  };
}

function whyIrreplaceable(
  pod: unknown,
  annotations: Record<string, string>,
  owner: string | undefined,
  local: ReadonlySet<string>,
): PodView["irreplaceable"] {
  const labels = strings(field(pod, "metadata", "labels"));
  if (labels["lightsout.dev/pet"] === "true" || annotations["lightsout.dev/pet"] === "true") return "pet";
  if (owner === undefined) return "unmanaged";
  // The cluster autoscaler's annotations already say, in many charts, that a scratch directory is only scratch:
  // https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md
  if (annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] === "true") return undefined;
  const scratch = (annotations["cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"] ?? "").split(",").map((one) => one.trim());
  const onNode = items(field(pod, "spec", "volumes")).some(
    (volume) =>
      (field(volume, "emptyDir") !== undefined || field(volume, "hostPath") !== undefined) &&
      !scratch.includes(text(field(volume, "name")) ?? ""),
  );
  const namespace = text(field(pod, "metadata", "namespace")) ?? "";
  return onNode || claims(pod).some((claim) => local.has(`${namespace}/${claim}`)) ? "local-volume" : undefined;
}

/** Names of the claims a pod mounts; a generic ephemeral volume's claim is called `<pod>-<volume>`. */
function claims(pod: unknown): string[] {
  return items(field(pod, "spec", "volumes")).flatMap((volume) => {
    const named = text(field(volume, "persistentVolumeClaim", "claimName"));
    const own =
      field(volume, "ephemeral") === undefined ? undefined : `${text(field(pod, "metadata", "name"))}-${text(field(volume, "name"))}`;
    return named ?? own ?? [];
  });
}

function localClaims(volumes: unknown): Set<string> {
  const local = items(field(volumes, "items")).filter(
    (one) => field(one, "spec", "local") !== undefined || field(one, "spec", "hostPath") !== undefined,
  );
  return new Set(
    local.map((one) => `${text(field(one, "spec", "claimRef", "namespace"))}/${text(field(one, "spec", "claimRef", "name"))}`),
  );
}

/** Whether a toleration covers `node.kubernetes.io/out-of-service=nodeshutdown:NoExecute`. */
function coversOutOfService(toleration: unknown): boolean {
  const key = text(field(toleration, "key")) ?? "";
  const effect = text(field(toleration, "effect")) ?? "";
  const exists = field(toleration, "operator") === "Exists";
  if (effect !== "" && effect !== "NoExecute") return false;
  if (key === "") return exists;
  return key === OUT_OF_SERVICE && (exists || field(toleration, "value") === "nodeshutdown");
}
