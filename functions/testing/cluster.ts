import type { Cluster, NodeView, Owner, Picture, PodView, ServingRequest } from "#adapters/cluster/port.ts";
import { admit, type Clock, DeviceError } from "#events";
import { createPapers } from "./cluster-papers.ts";
import { fakeKubernetes, lineOf } from "./configs.ts";
import type { FakePod } from "./faults.ts";
import type { FakeMachine } from "./machine.ts";

/** The cluster's API as a whole. */
export interface FakeApi {
  /** False: every call fails, and watches say so. */
  reachable: boolean;
  /** How long a drain takes when nothing stands in its way. Default 20 s. */
  drainMs: number;
  /** What was written on Nodes as Events. */
  readonly reports: { readonly machine: string; readonly reason: string; readonly message: string }[];
  /** Nodes become Ready only when pods have a network: after manifests were applied, or when `hasCni` says so. Default false. */
  needsCni: boolean;
  hasCni: boolean;
  /** What was applied. */
  readonly applied: string[];
  /** Whether a machine's pods find room elsewhere. Default: they do. */
  room: (machine: string) => { readonly fits: boolean; readonly why: string };
  /** Requests for kubelet serving certificates, undecided; `approved` holds the names of those that were approved. */
  requests: ServingRequest[];
  readonly approved: string[];
}

/** Seen from the cluster, a kubelet that stops reporting is Unknown after so long. */
const monitorGraceMs = 40_000;
const leaseEveryMs = 10_000;
const pollMs = 1000;

/** The cluster port over simulated machines: cordons know their owner, taints detach storage, drains obey PodDisruptionBudgets. */
export function createFakeCluster(options: { clock: Clock; site: string; machines: readonly FakeMachine[]; api: FakeApi }): Cluster {
  const { clock, site, machines, api } = options;

  const of = (name: string, operation: string): FakeMachine => {
    if (!api.reachable) throw new DeviceError("LO_CLUSTER_UNREACHABLE", { target: name, operation, effect: "none" }, "connection refused");
    const machine = machines.find((item) => item.name === name);
    if (!machine) throw new DeviceError("LO_CLUSTER_REFUSED", { target: name, operation, effect: "none" }, "no such machine");
    return machine;
  };
  const withNode = (name: string, operation: string): FakeMachine => {
    const machine = of(name, operation);
    if (!machine.node.exists)
      throw new DeviceError("LO_CLUSTER_REFUSED", { target: name, operation, effect: "none" }, "the cluster has no such Node");
    return machine;
  };
  const ours = (mark: string | undefined, by: Owner) => [by.run, ...by.inherited].some((run) => mark === `${site}/${run}`);
  const all = () => machines.filter((machine) => machine.node.exists).map((machine) => viewOf(machine, clock.mono()));

  return {
    async node(name) {
      const machine = of(name, "read node");
      return machine.node.exists ? viewOf(machine, clock.mono()) : undefined;
    },
    async nodes() {
      of(machines[0]?.name ?? "", "read nodes");
      return all();
    },
    async cordon(name, by) {
      const { node, did } = withNode(name, "cordon");
      if (node.unschedulable && !ours(node.cordonedBy, by)) return "theirs";
      by.gate?.();
      if (!node.unschedulable) did.cordon += 1;
      node.unschedulable = true;
      node.cordonedBy = `${site}/${by.run}`;
      return "ours";
    },
    async uncordon(name, by) {
      const { node, did } = withNode(name, "uncordon");
      if (node.unschedulable && !ours(node.cordonedBy, by)) return "theirs";
      if (node.unschedulable) did.uncordon += 1;
      node.unschedulable = false;
      node.cordonedBy = undefined;
      return "ours";
    },
    async drain(name, { deadlineMs }, signal) {
      const machine = withNode(name, "drain");
      machine.did.drain += 1;
      const here = machine.pods.filter((pod) => !pod.daemonSet && !pod.mirror);
      const stays = here.filter((pod) => pod.blockedBy !== undefined || pod.irreplaceable !== undefined);
      await clock.sleep(here.some((pod) => pod.blockedBy !== undefined) ? deadlineMs : api.drainMs, signal);
      of(name, "drain");
      const evicted = here.filter((pod) => !stays.includes(pod));
      machine.pods = machine.pods.filter((pod) => !evicted.includes(pod));
      return {
        evicted: evicted.map(nameOf),
        left: stays.map((pod) => ({
          pod: nameOf(pod),
          why: pod.blockedBy === undefined ? `irreplaceable: ${pod.irreplaceable}` : `PodDisruptionBudget ${pod.blockedBy}`,
        })),
        irreplaceable: stays.filter((pod) => pod.irreplaceable !== undefined).map(nameOf),
      };
    },
    async pods(name) {
      const machine = of(name, "read pods");
      machine.power();
      return machine.pods.map(podView);
    },
    async attachments(name) {
      const machine = of(name, "read attachments");
      machine.power();
      return [...machine.volumes];
    },
    async taintOutOfService(name, permit, proof) {
      admit(permit, name, "taint-out-of-service");
      const machine = withNode(name, "taint out of service");
      if (machine.node.taintedAt !== undefined) return "already";
      await proof();
      permit.gate();
      if (machine.power() === "on") machine.violations.push(`${name} was tainted out of service while its power was on`);
      machine.did.taint += 1;
      machine.node.taintedAt = clock.mono();
      return "set";
    },
    async untaintOutOfService(name) {
      const { node, did } = of(name, "untaint out of service");
      if (node.taintedAt !== undefined) did.untaint += 1;
      node.taintedAt = undefined;
    },
    async report(machine, { reason, message }) {
      of(machine, "report");
      api.reports.push({ machine, reason, message });
    },
    ...createPapers({ api, machines, of, clock }),
    async watch(onChange) {
      const stop = new AbortController();
      let before = "";
      let nodes: NodeView[] = [];
      const look = () => {
        if (api.reachable) nodes = all();
        const picture: Picture = { reachable: api.reachable, nodes };
        const now = JSON.stringify(picture);
        if (now !== before) onChange(picture);
        before = now;
      };
      const looking = (async () => {
        while (!stop.signal.aborted) {
          look();
          await clock.sleep(pollMs, stop.signal).catch(() => undefined);
        }
      })();
      return async () => {
        stop.abort();
        await looking;
      };
    },
  };
}

function viewOf(machine: FakeMachine, now: number): NodeView {
  const { facts, node, host } = machine;
  const silentMs = now - machine.lastUp();
  const ready = machine.up() ? (machine.isReady() ? "true" : "false") : silentMs >= monitorGraceMs ? "unknown" : "true";
  return {
    name: facts.node,
    machine: machine.name,
    uid: `uid-${facts.node}`,
    systemUUID: node.systemUUID ?? facts.uuid ?? "",
    bootID: machine.bootID(),
    osImage: `Talos (${machine.system.running?.version})`,
    kubeletVersion: lineOf(machine.system.configuration, "kubelet") ?? fakeKubernetes,
    ready,
    ...(ready === "false" ? { readyReason: host.sick ?? "KubeletNotReady" } : {}),
    controlPlane: facts.role === "control-plane",
    unschedulable: node.unschedulable,
    ...(node.cordonedBy === undefined ? {} : { cordonedBy: node.cordonedBy }),
    outOfService: node.taintedAt !== undefined,
    ...(node.hold === undefined ? {} : { hold: node.hold }),
    taints: [
      ...Object.entries(node.taints).map(([key, taint]) => `${key}=${taint}`),
      ...(node.taintedAt === undefined ? [] : ["node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"]),
    ],
    labels: { ...node.labels },
    gpus: { allocatable: Math.max(0, facts.gpus - host.gpusMissing), capacity: facts.gpus },
    leaseRenewed: host.leaseStuck ? "renewal that got stuck" : `renewal ${Math.floor(machine.lastUp() / leaseEveryMs)}`,
    leaseSeconds: 40,
    addresses: facts.address === undefined ? [] : [facts.address],
  };
}

const nameOf = (pod: FakePod) => `${pod.namespace ?? "default"}/${pod.name}`;

const podView = (pod: FakePod): PodView => ({
  name: pod.name,
  namespace: pod.namespace ?? "default",
  ...(pod.owner === undefined ? {} : { owner: pod.owner }),
  daemonSet: pod.daemonSet ?? false,
  mirror: pod.mirror ?? false,
  phase: "Running",
  ...(pod.irreplaceable === undefined ? {} : { irreplaceable: pod.irreplaceable }),
  toleratesOutOfService: pod.toleratesOutOfService ?? false,
});
