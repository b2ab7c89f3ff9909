import { randomBytes, randomUUID } from "node:crypto";
import type { Clock } from "#events";
import { kubeTime } from "./kube-node.ts";
import type { KubeNodes } from "./kube-nodes.ts";
import { OUT_OF_SERVICE, type SimAttachment, type SimNode, type SimPod, type Toleration, tolerates } from "./kube-objects.ts";
import type { KubeStore } from "./kube-store.ts";

export interface PodSpec {
  readonly name: string;
  /** @default "default" */
  readonly namespace?: string;
  /** Absent: pending until a node takes it. */
  readonly node?: string;
  /** `"none"` is a bare pod, `"mirror"` a static pod of the kubelet. @default "ReplicaSet" */
  readonly owner?: "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "mirror" | "none";
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly tolerations?: Toleration[];
  /** As in `spec.volumes`. */
  readonly volumes?: Record<string, unknown>[];
  /** @default "Running" */
  readonly phase?: string;
  /** An admission webhook denies its eviction. */
  readonly unevictable?: boolean;
  /** Its process ignores the signal and a finalizer keeps it: it never goes. */
  readonly sticky?: boolean;
}

/** Scheduler, ReplicaSet, StatefulSet and DaemonSet controllers, taint eviction, PodGC and attach/detach, as far as a lost node needs them. */
export interface KubePods {
  add(spec: PodSpec): SimPod;
  /** Marks it for deletion; a pod on a dead node stays so until PodGC. */
  terminate(pod: SimPod, graceSeconds?: number): SimPod;
  isUnevictable(pod: SimPod): boolean;
  tick(): void;
}

const STOP_MS = 2000;
const START_MS = 2000;
/** The default tolerationSeconds for unreachable nodes. */
const EVICT_MS = 300_000;

/** @param gcMs from the out-of-service taint until PodGC and the force detach have acted */
export function createKubePods(options: { store: KubeStore; clock: Clock; nodes: KubeNodes; gcMs: number }): KubePods {
  const { store, clock, nodes, gcMs } = options;
  const unevictable = new Set<string>();
  const sticky = new Set<string>();
  const since = new Map<string, number>();
  const missing = new Map<string, SimPod>();
  const keyOf = (pod: SimPod) => `${pod.metadata.namespace}/${pod.metadata.name}`;
  const pods = () => store.list("pods") as SimPod[];
  const age = (what: string) => {
    const start = since.get(what) ?? clock.mono();
    since.set(what, start);
    return clock.mono() - start;
  };

  const remove = (pod: SimPod) => {
    store.remove("pods", pod.metadata.name, pod.metadata.namespace);
    since.delete(`stop ${pod.metadata.uid}`);
    const owner = pod.metadata.ownerReferences?.[0]?.kind;
    if (owner === "StatefulSet" || owner === "DaemonSet") missing.set(keyOf(pod), pod);
  };
  const replace = (pod: SimPod, name: string, node?: string) => {
    const { nodeName: _, ...spec } = pod.spec;
    const { deletionTimestamp: _at, deletionGracePeriodSeconds: _grace, resourceVersion: _version, ...metadata } = pod.metadata;
    store.put("pods", {
      ...pod,
      metadata: { ...metadata, name, uid: randomUUID() },
      spec: node ? { ...spec, nodeName: node } : spec,
      status: pending(clock, node !== undefined),
    } as SimPod);
  };
  const terminate = (pod: SimPod, graceSeconds = pod.spec.terminationGracePeriodSeconds ?? 30): SimPod => {
    if (graceSeconds === 0) {
      remove(pod);
      return pod;
    }
    if (pod.metadata.deletionTimestamp) return pod;
    const metadata = { ...pod.metadata, deletionTimestamp: kubeTime(clock), deletionGracePeriodSeconds: graceSeconds };
    const marked = store.put("pods", { ...pod, metadata } as SimPod) as SimPod;
    if (pod.metadata.ownerReferences?.[0]?.kind === "ReplicaSet") {
      replace(pod, pod.metadata.name.replace(/(-r[0-9a-f]{6})?$/, `-r${randomBytes(3).toString("hex")}`));
    }
    return marked;
  };

  const schedule = () => {
    for (const [key, pod] of missing) {
      const node = pod.spec.nodeName ?? "";
      const daemon = pod.metadata.ownerReferences?.[0]?.kind === "DaemonSet";
      if (daemon && (!nodes.ready(node) || isOut(store.get("nodes", node) as SimNode | undefined))) continue;
      missing.delete(key);
      replace(pod, pod.metadata.name, daemon ? node : undefined);
    }
    for (const pod of pods()) {
      if (pod.spec.nodeName || pod.metadata.deletionTimestamp) continue;
      const target = (store.list("nodes") as SimNode[]).find((node) => fits(node, pod, nodes));
      if (target)
        store.put("pods", { ...pod, spec: { ...pod.spec, nodeName: target.metadata.name }, status: pending(clock, true) } as SimPod);
    }
  };
  const live = (pod: SimPod) => {
    const node = pod.spec.nodeName;
    if (!node || !nodes.kubeletUp(node)) return;
    if (pod.metadata.deletionTimestamp) {
      if (!sticky.has(keyOf(pod)) && age(`stop ${pod.metadata.uid}`) >= STOP_MS) remove(pod);
    } else if (pod.status.phase === "Pending" && age(`start ${pod.metadata.uid}`) >= START_MS) {
      store.put("pods", { ...pod, status: { phase: "Running" } } as SimPod);
    }
  };
  const collect = (node: SimNode) => {
    const name = node.metadata.name;
    const here = pods().filter((pod) => pod.spec.nodeName === name);
    if (nodes.ready(name)) since.delete(`lost ${name}`);
    else if (age(`lost ${name}`) >= EVICT_MS) {
      for (const pod of here) if (["ReplicaSet", "StatefulSet"].includes(pod.metadata.ownerReferences?.[0]?.kind ?? "")) terminate(pod);
    }
    const taint = node.spec.taints?.find((one) => one.key === OUT_OF_SERVICE);
    if (!taint || nodes.ready(name)) {
      since.delete(`out ${name}`);
      return;
    }
    const doomed = here.filter((pod) => !tolerates(pod.spec.tolerations, taint));
    if (age(`out ${name}`) < gcMs) for (const pod of doomed) terminate(pod);
    else if (doomed.length > 0) doomed.forEach(remove);
    else {
      for (const attachment of store.list("volumeattachments") as SimAttachment[]) {
        if (attachment.spec.nodeName === name) store.remove("volumeattachments", attachment.metadata.name);
      }
    }
  };

  return {
    add(spec) {
      const pod = store.put("pods", podObject(spec, clock)) as SimPod;
      if (spec.unevictable) unevictable.add(keyOf(pod));
      if (spec.sticky) sticky.add(keyOf(pod));
      const owner = pod.metadata.ownerReferences?.[0];
      if (owner?.kind === "DaemonSet") {
        const metadata = { name: owner.name, namespace: pod.metadata.namespace ?? "default", uid: owner.uid };
        store.put("daemonsets", { apiVersion: "apps/v1", kind: "DaemonSet", metadata });
      }
      return pod;
    },
    terminate,
    isUnevictable: (pod) => unevictable.has(keyOf(pod)),
    tick() {
      for (const node of store.list("nodes") as SimNode[]) collect(node);
      for (const pod of pods()) live(pod);
      schedule();
    },
  };
}

function isOut(node: SimNode | undefined): boolean {
  return node?.spec.taints?.some((taint) => taint.key === OUT_OF_SERVICE) ?? false;
}

function fits(node: SimNode, pod: SimPod, nodes: KubeNodes): boolean {
  if (!nodes.ready(node.metadata.name) || node.spec.unschedulable) return false;
  return (node.spec.taints ?? []).every((taint) => taint.effect === "PreferNoSchedule" || tolerates(pod.spec.tolerations, taint));
}

function pending(clock: Clock, scheduled: boolean): SimPod["status"] {
  const at = kubeTime(clock);
  const condition = scheduled
    ? { type: "PodScheduled", status: "True", reason: "", lastTransitionTime: at }
    : { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0 nodes are available", lastTransitionTime: at };
  return { phase: "Pending", conditions: [condition] };
}

function podObject(spec: PodSpec, clock: Clock): SimPod {
  const { name, owner = "ReplicaSet", phase = "Running" } = spec;
  const managed = owner !== "none" && owner !== "mirror";
  const annotations = { ...(owner === "mirror" ? { "kubernetes.io/config.mirror": "static" } : {}), ...spec.annotations };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: spec.namespace ?? "default",
      labels: { app: name, ...spec.labels },
      annotations,
      ...(managed
        ? {
            ownerReferences: [
              { apiVersion: owner === "Job" ? "batch/v1" : "apps/v1", kind: owner, name, uid: randomUUID(), controller: true },
            ],
          }
        : {}),
    },
    spec: {
      containers: [{ name: "main", image: "registry.example/main:1" }],
      terminationGracePeriodSeconds: 30,
      ...(spec.node ? { nodeName: spec.node } : {}),
      ...(spec.tolerations ? { tolerations: spec.tolerations } : {}),
      ...(spec.volumes ? { volumes: spec.volumes } : {}),
    },
    status: spec.node ? { phase } : pending(clock, false),
  };
}
