import type { Permit } from "#events";

/**
 * The cluster that the machines serve. Machines are named as in the inventory; the adapter maps them to Node names.
 * Failures are `DeviceError`s: `LO_CLUSTER_UNREACHABLE` when the API gave no answer (never a statement about a node),
 * `LO_CLUSTER_REFUSED` when it said no.
 */
export interface Cluster {
  /** A fresh read of the machine's Node; `undefined` when there is no such Node. */
  node(machine: string, signal?: AbortSignal): Promise<NodeView | undefined>;
  /** All Nodes, those of no inventory machine too. */
  nodes(signal?: AbortSignal): Promise<NodeView[]>;
  /** Makes it unschedulable, marked as ours. A Node that a person cordoned stays theirs: `theirs`, and nothing is changed. */
  cordon(machine: string, by: Owner, signal?: AbortSignal): Promise<"ours" | "theirs">;
  /** Takes our own cordon back; a person's cordon stays (`theirs`). */
  uncordon(machine: string, by: Owner, signal?: AbortSignal): Promise<"ours" | "theirs">;
  /** Evicts by the eviction API until empty or the deadline. What is left is named with its reason, never forced. */
  drain(machine: string, options: { deadlineMs: number }, signal?: AbortSignal): Promise<DrainReport>;
  /** Pods bound to the Node now, DaemonSet and mirror pods marked. */
  pods(machine: string, signal?: AbortSignal): Promise<PodView[]>;
  /** Names of the volumes still attached to the Node (VolumeAttachments). */
  attachments(machine: string, signal?: AbortSignal): Promise<string[]>;
  /**
   * Sets `node.kubernetes.io/out-of-service=nodeshutdown:NoExecute`. `proof` is called immediately before the write and must
   * throw if the machine is not proven off. Demands a permit: it force-detaches storage.
   */
  taintOutOfService(machine: string, permit: Permit, proof: () => Promise<void>): Promise<"set" | "already">;
  /** Removes the taint. Idempotent. */
  untaintOutOfService(machine: string, signal?: AbortSignal): Promise<void>;
  /** Writes an Event on the Node, for `kubectl describe node`. Best effort. */
  report(machine: string, event: { reason: string; message: string; type: "Normal" | "Warning" }, signal?: AbortSignal): Promise<void>;
  /**
   * Gives the machine's Node these labels and taints and leaves all others alone. Idempotent. Answers what it had to change, as
   * `label gpu=a100`, `taint dedicated=gpu:NoSchedule`.
   */
  settle(machine: string, settings: NodeSettings, signal?: AbortSignal): Promise<readonly string[]>;
  /** Whether the machine's pods would find room on the other schedulable Nodes, by their requests, selectors and taints. */
  room(machine: string, signal?: AbortSignal): Promise<{ readonly fits: boolean; readonly why: string }>;
  /** Requests for kubelet serving certificates that nobody has decided, whoever made them. */
  servingRequests(signal?: AbortSignal): Promise<readonly ServingRequest[]>;
  /** Approves exactly this request (uid and content as seen); `gone` when it was decided or replaced meanwhile. */
  approveServing(request: ServingRequest, permit: Permit): Promise<"approved" | "gone">;
  /** Applies manifests, server-side, as field manager `lightsout`. Answers each object, as `DaemonSet kube-system/cilium`. */
  apply(manifests: string, signal?: AbortSignal): Promise<readonly string[]>;
  /** The API server's version, as `v1.36.3`. */
  version(signal?: AbortSignal): Promise<string>;
  /** The control-plane parts that run on the machine (static pods, kube-proxy and the kubelet), with the version of each. */
  components(machine: string, signal?: AbortSignal): Promise<readonly ComponentView[]>;
  /**
   * Watches Nodes and their leases. Survives resets, 410 and 5xx. `onChange` gets the whole picture after every change, and
   * `reachable: false` while the API cannot be read: then `nodes` is what was last seen and says nothing about now.
   */
  watch(onChange: (picture: Picture) => void): Promise<() => Promise<void>>;
}

/** What a Node is to carry. */
export interface NodeSettings {
  readonly labels: Readonly<Record<string, string>>;
  /** Key to `value:Effect`. */
  readonly taints: Readonly<Record<string, string>>;
}

/** A CertificateSigningRequest of the signer `kubernetes.io/kubelet-serving`, taken apart. Everything in it is a claim. */
export interface ServingRequest {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly username: string;
  readonly groups: readonly string[];
  readonly usages: readonly string[];
  /** Of the PKCS#10 request inside; `undefined` where it cannot be read. */
  readonly csr:
    | {
        readonly commonName: string;
        readonly organizations: readonly string[];
        readonly dnsNames: readonly string[];
        readonly addresses: readonly string[];
        /** SANs of other kinds, such as e-mail and URI. */
        readonly others: number;
      }
    | undefined;
}

export interface ComponentView {
  readonly component: "kube-apiserver" | "kube-controller-manager" | "kube-scheduler" | "kube-proxy" | "kubelet";
  /** With `v`, from the image's tag or the kubelet's own word. */
  readonly version: string;
  readonly ready: boolean;
}

/** The run that owns a mark in the cluster: written to `lightsout.dev/cordoned-by` as `<site>/<run>`. */
export interface Owner {
  readonly run: string;
  /** Earlier runs whose obligations this run took over. */
  readonly inherited: readonly string[];
  /** Called immediately before the write; throws when the right to make it is over. */
  readonly gate?: () => void;
}

export interface Picture {
  readonly reachable: boolean;
  readonly nodes: readonly NodeView[];
}

export interface NodeView {
  readonly name: string;
  /** The inventory machine of this Node, if any. */
  readonly machine?: string;
  readonly uid: string;
  /** `status.nodeInfo.systemUUID`, lower case. */
  readonly systemUUID: string;
  /** `status.nodeInfo.bootID`: changes with every boot. */
  readonly bootID: string;
  readonly osImage: string;
  readonly kubeletVersion: string;
  /** The Ready condition; `missing` when the Node has none yet. */
  readonly ready: "true" | "false" | "unknown" | "missing";
  readonly readyReason?: string;
  readonly controlPlane: boolean;
  readonly unschedulable: boolean;
  /** `<site>/<run>` when we cordoned it. */
  readonly cordonedBy?: string;
  readonly outOfService: boolean;
  /** `lightsout.dev/hold=<reason>` and `lightsout.dev/hold-until`, as a person wrote them: hands off this machine. */
  readonly hold?: { readonly reason: string; readonly until?: string };
  readonly taints: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly gpus: { readonly allocatable: number; readonly capacity: number };
  /** `renewTime` of the Node's lease in kube-node-lease: opaque, compare for change only (the node's clock wrote it). */
  readonly leaseRenewed?: string;
  readonly leaseSeconds?: number;
  readonly addresses: readonly string[];
}

export interface PodView {
  readonly name: string;
  readonly namespace: string;
  readonly owner?: string;
  readonly daemonSet: boolean;
  readonly mirror: boolean;
  readonly phase: string;
  /** Why it cannot be replaced elsewhere: no controller, node-local volumes, or labelled/annotated `lightsout.dev/pet=true`. */
  readonly irreplaceable?: "unmanaged" | "local-volume" | "pet";
  readonly toleratesOutOfService: boolean;
}

export interface DrainReport {
  readonly evicted: readonly string[];
  /** `namespace/name` and what kept it: the PodDisruptionBudget's name, the deadline, an API refusal. */
  readonly left: readonly { readonly pod: string; readonly why: string }[];
  readonly irreplaceable: readonly string[];
}

/** The kubeconfig by which Lightsout and people reach the cluster. */
export interface Kubeconfig {
  /** The file, as configured. Throws `LO_NOT_CONFIGURED` where none is. */
  where(): string;
  /**
   * Replaces the file in one moment, readable by its owner alone; what was in it before is kept beside it. Repeatable. Answers the file.
   * The text is a secret.
   */
  keep(text: string): Promise<string>;
}
