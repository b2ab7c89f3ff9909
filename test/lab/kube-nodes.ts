import { randomUUID } from "node:crypto";
import type { Clock } from "#events";
import type { Host } from "./host.ts";
import { OUT_OF_SERVICE, type SimLease, type SimNode, type Taint } from "./kube-objects.ts";
import type { KubeStore } from "./kube-store.ts";

/** One machine as a member of the simulated cluster. */
export interface Member {
  readonly host: Host;
  node: string;
  readonly controlPlane?: boolean;
  readonly labels?: Record<string, string>;
  /** `status.nodeInfo.osImage`, read whenever the kubelet posts its status. @default "Talos (v1.13.9)" */
  readonly osImage?: () => string;
  /** @default "v1.34.1" */
  readonly kubeletVersion?: () => string;
  /** Node InternalIP. @default 10.0.0.<n> */
  readonly address?: string;
}

/** The kubelets and the node lifecycle controller of the simulated cluster. */
export interface KubeNodes {
  /** Moves everything to the present; call it every second of the clock. */
  tick(): void;
  /** Cuts the node off from the API: it runs on, its lease does not. */
  partition(node: string, cut: boolean): void;
  /** Two machines trade Node names, as after a mixed-up host name. */
  swap(one: string, other: string): void;
  ready(node: string): boolean;
  /** Whether the node's kubelet works and reaches the API. */
  kubeletUp(node: string): boolean;
}

const RENEW_MS = 10_000;
const KUBELET_START_MS = 2000;
const GPU_READY_MS = 5000;
const UNREACHABLE: readonly Taint[] = [
  { key: "node.kubernetes.io/unreachable", effect: "NoSchedule" },
  { key: "node.kubernetes.io/unreachable", effect: "NoExecute" },
];
const CORDONED: Taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

interface Kubelet {
  readonly member: Member;
  readonly address: string;
  boot: string | undefined;
  registered: string | undefined;
  startedAt: number;
  renewedAt: number;
  cut: boolean;
}

/** @param graceMs how long after the last renewal a Node goes Unknown (node-monitor-grace-period) */
export function createKubeNodes(options: { store: KubeStore; clock: Clock; members: Member[]; graceMs: number }): KubeNodes {
  const { store, clock, graceMs } = options;
  const started = clock.mono();
  const kubelets: Kubelet[] = options.members.map((member, index) => ({
    member,
    address: member.address ?? `10.0.0.${index + 11}`,
    boot: member.host.osUp() ? member.host.bootId() : undefined,
    registered: undefined,
    startedAt: started - GPU_READY_MS - KUBELET_START_MS,
    renewedAt: Number.NEGATIVE_INFINITY,
    cut: false,
  }));

  const nodeOf = (name: string) => store.get("nodes", name) as SimNode | undefined;
  const working = (kubelet: Kubelet) => kubelet.member.host.osUp() && !kubelet.cut;

  const kubeletTick = (kubelet: Kubelet) => {
    const now = clock.mono();
    const { host } = kubelet.member;
    if (!host.osUp()) {
      kubelet.boot = undefined;
      return;
    }
    if (kubelet.boot === undefined) {
      kubelet.boot = host.bootId();
      kubelet.startedAt = now;
    }
    if (kubelet.cut || now - kubelet.startedAt < KUBELET_START_MS) return;
    if (now - kubelet.renewedAt >= RENEW_MS) {
      kubelet.renewedAt = now;
      store.put("leases", lease(kubelet.member.node, clock));
    }
    const current = nodeOf(kubelet.member.node);
    // NVIDIA's device plugin tolerates its own taint only: while the machine is out of service it is evicted, and no GPU is allocatable.
    const evicted = current?.spec.taints?.some((taint) => taint.key === OUT_OF_SERVICE) ?? false;
    const gpus = !evicted && now - kubelet.startedAt >= GPU_READY_MS ? host.gpusUp() : 0;
    // A kubelet registers its Node once, when it starts: a deleted Node stays away until the next boot.
    if (!current && kubelet.registered === kubelet.boot) return;
    kubelet.registered = kubelet.boot;
    store.put("nodes", reported(current ?? newNode(kubelet), kubelet, gpus, clock));
  };

  const judge = (kubelet: Kubelet) => {
    const node = nodeOf(kubelet.member.node);
    if (!node) return;
    const stale = clock.mono() - kubelet.renewedAt > graceMs;
    const wanted = (node.spec.taints ?? []).filter((taint) => !isOurs(taint));
    if (node.spec.unschedulable) wanted.push(CORDONED);
    if (stale) wanted.push(...UNREACHABLE);
    const kept = wanted.map((taint) => node.spec.taints?.find((one) => one.key === taint.key && one.effect === taint.effect) ?? taint);
    store.put("nodes", {
      ...node,
      spec: withTaints(node.spec, kept),
      status: { ...node.status, conditions: stale ? unknown(node, clock) : node.status.conditions },
    } as SimNode);
  };

  for (const kubelet of kubelets) {
    store.put("nodes", kubelet.boot ? reported(newNode(kubelet), kubelet, kubelet.member.host.gpusUp(), clock) : newNode(kubelet));
  }

  return {
    tick() {
      for (const kubelet of kubelets) kubeletTick(kubelet);
      for (const kubelet of kubelets) judge(kubelet);
    },
    partition(node, cut) {
      for (const kubelet of kubelets) if (kubelet.member.node === node) kubelet.cut = cut;
    },
    swap(one, other) {
      for (const { member } of kubelets) member.node = member.node === one ? other : member.node === other ? one : member.node;
    },
    ready: (name) => nodeOf(name)?.status.conditions.some((one) => one.type === "Ready" && one.status === "True") ?? false,
    kubeletUp: (name) => kubelets.some((kubelet) => kubelet.member.node === name && working(kubelet)),
  };
}

function isOurs(taint: Taint): boolean {
  return taint.key === CORDONED.key || taint.key === "node.kubernetes.io/unreachable";
}

function withTaints(spec: SimNode["spec"], taints: Taint[]): SimNode["spec"] {
  const { taints: _, ...rest } = spec;
  return taints.length > 0 ? { ...rest, taints } : rest;
}

function newNode(kubelet: Kubelet): SimNode {
  const { node, labels, controlPlane } = kubelet.member;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: node,
      uid: randomUUID(),
      labels: {
        "kubernetes.io/hostname": node,
        "kubernetes.io/os": "linux",
        ...(controlPlane ? { "node-role.kubernetes.io/control-plane": "" } : {}),
        ...labels,
      },
      annotations: {},
    },
    spec: controlPlane ? { taints: [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }] } : {},
    status: { conditions: [], addresses: [], capacity: {}, allocatable: {}, nodeInfo: {} },
  };
}

function reported(node: SimNode, kubelet: Kubelet, gpus: number, clock: Clock): SimNode {
  const { host, osImage, kubeletVersion } = kubelet.member;
  const ready = node.status.conditions.find((one) => one.type === "Ready" && one.status === "True");
  const at = kubeTime(clock);
  const resources = { cpu: "32", memory: "131072Mi", pods: "110" };
  const had = Number(node.status.capacity["nvidia.com/gpu"] ?? 0);
  const capacity = Math.max(gpus, gpus === 0 ? had : 0);
  return {
    ...node,
    status: {
      conditions: [
        ready ?? {
          type: "Ready",
          status: "True",
          reason: "KubeletReady",
          message: "kubelet is posting ready status",
          lastHeartbeatTime: at,
          lastTransitionTime: at,
        },
      ],
      addresses: [
        { type: "InternalIP", address: kubelet.address },
        { type: "Hostname", address: node.metadata.name },
      ],
      capacity: host.gpus > 0 ? { ...resources, "nvidia.com/gpu": String(capacity) } : resources,
      allocatable: host.gpus > 0 ? { ...resources, "nvidia.com/gpu": String(gpus) } : resources,
      nodeInfo: {
        machineID: host.identity.uuid.replaceAll("-", ""),
        systemUUID: host.identity.uuid,
        bootID: host.bootId(),
        kernelVersion: "6.18.9-talos",
        osImage: osImage?.() ?? "Talos (v1.13.9)",
        containerRuntimeVersion: "containerd://2.1.4",
        kubeletVersion: kubeletVersion?.() ?? "v1.34.1",
        operatingSystem: "linux",
        architecture: "amd64",
      },
    },
  };
}

function unknown(node: SimNode, clock: Clock): SimNode["status"]["conditions"] {
  const now = node.status.conditions.find((one) => one.type === "Ready");
  if (now?.status === "Unknown") return node.status.conditions;
  const at = kubeTime(clock);
  const message = "Kubelet stopped posting node status.";
  return [{ type: "Ready", status: "Unknown", reason: "NodeStatusUnknown", message, lastHeartbeatTime: at, lastTransitionTime: at }];
}

function lease(node: string, clock: Clock): SimLease {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: node, namespace: "kube-node-lease" },
    spec: { holderIdentity: node, leaseDurationSeconds: 40, renewTime: new Date(clock.now()).toISOString().replace("Z", "000Z") },
  };
}

/** metav1.Time: seconds, UTC. */
export function kubeTime(clock: Clock): string {
  return new Date(clock.now()).toISOString().replace(/\.\d+Z/, "Z");
}
