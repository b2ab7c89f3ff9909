import type { Clock } from "#events";
import type { Host } from "./host.ts";
import { type LabKubelet, lease, newNode, readyOf, reported, unknown } from "./kube-node.ts";
import { OUT_OF_SERVICE, type SimNode, type Taint } from "./kube-objects.ts";
import type { KubeStore } from "./kube-store.ts";

/** One machine as a member of the simulated cluster. */
export interface Member {
  readonly host: Host;
  /** The Node's name, as long as the kubelet says no other. */
  node: string;
  readonly controlPlane?: boolean;
  readonly labels?: Record<string, string>;
  /** `status.nodeInfo.osImage`, read whenever the kubelet posts its status. @default "Talos (v1.13.9)" */
  readonly osImage?: () => string;
  /** @default "v1.34.1" */
  readonly kubeletVersion?: () => string;
  /** Node InternalIP. @default 10.0.0.<n> */
  readonly address?: string;
  /** Its kubelet; `undefined` on a machine without a configuration. @default one that runs whenever the machine does, as it stands here */
  readonly kubelet?: () => LabKubelet | undefined;
}

/** The kubelets and the node lifecycle controller of the simulated cluster. */
export interface KubeNodes {
  /** Registers the Nodes of the machines that are members already. */
  register(): void;
  /** Moves everything to the present; call it every second of the clock. */
  tick(): void;
  /** Gives every Node a new grace: whoever judges them was away. */
  forgive(): void;
  /** Cuts the node off from the API: it runs on, its lease does not. */
  partition(node: string, cut: boolean): void;
  /** Two machines trade Node names, as after a mixed-up host name. */
  swap(one: string, other: string): void;
  ready(node: string): boolean;
  /** Whether the node's kubelet works and reaches the API. */
  kubeletUp(node: string): boolean;
  /** The kubelets that work and reach the API now. */
  working(): readonly { readonly kubelet: LabKubelet; readonly host: Host; readonly address: string }[];
}

const RENEW_MS = 10_000;
const KUBELET_START_MS = 2000;
const GPU_READY_MS = 5000;
const CORDONED: Taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
const UNREACHABLE = "node.kubernetes.io/unreachable";
const NOT_READY = "node.kubernetes.io/not-ready";
const both = (key: string): Taint[] => [
  { key, effect: "NoSchedule" },
  { key, effect: "NoExecute" },
];

interface Kubelet {
  readonly member: Member;
  readonly address: string;
  /** The name that it was given by mistake. */
  alias: string | undefined;
  /** The name that it had last. */
  name: string;
  boot: string | undefined;
  registered: string | undefined;
  startedAt: number;
  renewedAt: number;
  cut: boolean;
}

/**
 * @param graceMs how long after the last renewal a Node goes Unknown (node-monitor-grace-period)
 * @param networked whether pods have a network, without which no Node is Ready
 */
export function createKubeNodes(options: {
  store: KubeStore;
  clock: Clock;
  members: Member[];
  graceMs: number;
  networked: () => boolean;
}): KubeNodes {
  const { store, clock, graceMs, networked } = options;
  const started = clock.mono();
  let judgedSince = Number.NEGATIVE_INFINITY;
  const kubelets: Kubelet[] = options.members.map((member, index) => ({
    member,
    address: member.address ?? `10.0.0.${index + 11}`,
    alias: undefined,
    name: member.node,
    boot: undefined,
    registered: undefined,
    startedAt: started - GPU_READY_MS - KUBELET_START_MS,
    renewedAt: Number.NEGATIVE_INFINITY,
    cut: false,
  }));

  const nodeOf = (name: string) => store.get("nodes", name) as SimNode | undefined;
  const asking = (kubelet: Kubelet): LabKubelet | undefined => {
    const { member } = kubelet;
    const facts = member.kubelet ? member.kubelet() : plainKubelet(member);
    if (facts) kubelet.name = kubelet.alias ?? facts.node;
    return facts && { ...facts, node: kubelet.name };
  };
  const working = (kubelet: Kubelet) => (asking(kubelet)?.runs ?? false) && !kubelet.cut;
  const posted = (kubelet: Kubelet, facts: LabKubelet, node: SimNode, gpus: number) =>
    store.put(
      "nodes",
      reported(node, { host: kubelet.member.host, kubelet: facts, address: kubelet.address, gpus, networked: networked(), clock }),
    );

  const kubeletTick = (kubelet: Kubelet) => {
    const now = clock.mono();
    const { host } = kubelet.member;
    const facts = asking(kubelet);
    if (!facts?.runs) {
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
      store.put("leases", lease(kubelet.name, clock));
    }
    const current = nodeOf(kubelet.name);
    // NVIDIA's device plugin tolerates its own taint only: while the machine is out of service it is evicted, and no GPU is allocatable.
    const evicted = current?.spec.taints?.some((taint) => taint.key === OUT_OF_SERVICE) ?? false;
    const gpus = !evicted && now - kubelet.startedAt >= GPU_READY_MS ? facts.gpus : 0;
    // A kubelet registers its Node once, when it starts: a deleted Node stays away until the next boot.
    if (!current && kubelet.registered === kubelet.boot) return;
    kubelet.registered = kubelet.boot;
    posted(kubelet, facts, current ?? newNode(facts), gpus);
  };

  const judge = (kubelet: Kubelet) => {
    const node = nodeOf(kubelet.name);
    if (!node) return;
    const stale = clock.mono() - Math.max(kubelet.renewedAt, judgedSince) > graceMs;
    const wanted = (node.spec.taints ?? []).filter((taint) => !isOurs(taint));
    if (node.spec.unschedulable) wanted.push(CORDONED);
    if (stale) wanted.push(...both(UNREACHABLE));
    else if (readyOf(node) === "False") wanted.push(...both(NOT_READY));
    const kept = wanted.map((taint) => node.spec.taints?.find((one) => one.key === taint.key && one.effect === taint.effect) ?? taint);
    store.put("nodes", {
      ...node,
      spec: withTaints(node.spec, kept),
      status: { ...node.status, conditions: stale ? unknown(node, clock) : node.status.conditions },
    } as SimNode);
  };

  return {
    register() {
      for (const kubelet of kubelets) {
        const facts = asking(kubelet);
        if (!facts) continue;
        if (facts.runs) kubelet.boot = kubelet.member.host.bootId();
        // Of a machine that was installed and went off, the cluster keeps what it reported last.
        if (facts.runs || kubelet.member.kubelet) posted(kubelet, facts, newNode(facts), facts.gpus);
        else store.put("nodes", newNode(facts));
      }
    },
    tick() {
      for (const kubelet of kubelets) kubeletTick(kubelet);
      for (const kubelet of kubelets) judge(kubelet);
    },
    forgive() {
      judgedSince = clock.mono();
    },
    partition(node, cut) {
      for (const kubelet of kubelets) if (kubelet.name === node) kubelet.cut = cut;
    },
    swap(one, other) {
      for (const kubelet of kubelets) {
        if (kubelet.name !== one && kubelet.name !== other) continue;
        kubelet.alias = kubelet.name === one ? other : one;
        kubelet.name = kubelet.alias;
      }
    },
    ready: (name) => readyOf(nodeOf(name)) === "True",
    kubeletUp: (name) => kubelets.some((kubelet) => kubelet.name === name && working(kubelet)),
    working: () =>
      kubelets.flatMap((kubelet) => {
        const facts = asking(kubelet);
        const started = clock.mono() - kubelet.startedAt >= KUBELET_START_MS;
        return facts?.runs && !kubelet.cut && started ? [{ kubelet: facts, host: kubelet.member.host, address: kubelet.address }] : [];
      }),
  };
}

/** The kubelet of a machine of which nothing more is known. */
function plainKubelet({ controlPlane = false, host, kubeletVersion, labels = {}, node, osImage }: Member): LabKubelet {
  return {
    runs: host.osUp(),
    node,
    controlPlane,
    labels,
    taints: controlPlane ? [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }] : [],
    osImage: osImage?.() ?? "Talos (v1.13.9)",
    version: kubeletVersion?.() ?? "v1.34.1",
    gpus: host.gpusUp(),
    asks: false,
    certified: () => undefined,
  };
}

const isOurs = ({ key }: Taint) => key === CORDONED.key || key === UNREACHABLE || key === NOT_READY;

function withTaints(spec: SimNode["spec"], taints: Taint[]): SimNode["spec"] {
  const { taints: _, ...rest } = spec;
  return taints.length > 0 ? { ...rest, taints } : rest;
}
