import { randomUUID } from "node:crypto";
import type { Clock } from "#events";
import type { Host } from "./host.ts";
import type { SimLease, SimNode, Taint } from "./kube-objects.ts";

/** The kubelet of a machine, as its operating system runs it. */
export interface LabKubelet {
  /** It runs now. */
  readonly runs: boolean;
  readonly node: string;
  readonly controlPlane: boolean;
  /** What it gives its Node when it registers it, and keeps up. */
  readonly labels: Readonly<Record<string, string>>;
  /** What it registers its Node with. */
  readonly taints: readonly Taint[];
  readonly osImage: string;
  /** With `v`. */
  readonly version: string;
  /** GPUs whose drivers it has. */
  readonly gpus: number;
  /** It is without a serving certificate and asks for one. */
  readonly asks: boolean;
  /** It was given one. */
  certified(): void;
}

type Conditions = SimNode["status"]["conditions"];

const role = "node-role.kubernetes.io/control-plane";

export function newNode({ controlPlane, labels, node, taints }: LabKubelet): SimNode {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: node,
      uid: randomUUID(),
      labels: { "kubernetes.io/hostname": node, "kubernetes.io/os": "linux", ...(controlPlane ? { [role]: "" } : {}), ...labels },
      annotations: {},
    },
    spec: taints.length > 0 ? { taints: [...taints] } : {},
    status: { conditions: [], addresses: [], capacity: {}, allocatable: {}, nodeInfo: {} },
  };
}

/** The Node as its kubelet reports it. @param networked pods have a network */
export function reported(
  node: SimNode,
  options: { host: Host; kubelet: LabKubelet; address: string; gpus: number; networked: boolean; clock: Clock },
): SimNode {
  const { address, clock, gpus, host, kubelet, networked } = options;
  const resources = { cpu: "32", memory: "131072Mi", pods: "110" };
  const had = Number(node.status.capacity["nvidia.com/gpu"] ?? 0);
  const capacity = Math.max(gpus, gpus === 0 ? had : 0);
  const counts = (count: number) => (host.gpus > 0 && capacity + had > 0 ? { ...resources, "nvidia.com/gpu": String(count) } : resources);
  return {
    ...node,
    metadata: { ...node.metadata, labels: { ...node.metadata.labels, ...kubelet.labels } },
    status: {
      conditions: networked
        ? condition(node, clock, { status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" })
        : condition(node, clock, { status: "False", reason: "KubeletNotReady", message: noNetwork }),
      addresses: [
        { type: "InternalIP", address },
        { type: "Hostname", address: node.metadata.name },
      ],
      capacity: counts(capacity),
      allocatable: counts(gpus),
      nodeInfo: {
        machineID: host.identity.uuid.replaceAll("-", ""),
        systemUUID: host.identity.uuid,
        bootID: host.bootId(),
        kernelVersion: "6.18.9-talos",
        osImage: kubelet.osImage,
        containerRuntimeVersion: "containerd://2.1.4",
        kubeletVersion: kubelet.version,
        operatingSystem: "linux",
        architecture: "amd64",
      },
    },
  };
}

const noNetwork =
  "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized";

/** What the node controller makes of a Node that nobody reports any more. */
export const unknown = (node: SimNode, clock: Clock): Conditions =>
  condition(node, clock, { status: "Unknown", reason: "NodeStatusUnknown", message: "Kubelet stopped posting node status." });

export const readyOf = (node: SimNode | undefined): string | undefined =>
  node?.status.conditions.find(({ type }) => type === "Ready")?.status;

function condition(node: SimNode, clock: Clock, now: { status: string; reason: string; message: string }): Conditions {
  if (readyOf(node) === now.status) return node.status.conditions;
  const at = kubeTime(clock);
  return [{ type: "Ready", ...now, lastHeartbeatTime: at, lastTransitionTime: at }];
}

export function lease(node: string, clock: Clock): SimLease {
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
