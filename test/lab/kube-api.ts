import { randomBytes, randomUUID } from "node:crypto";
import type { Clock } from "#events";
import { createLabCertificate } from "./kube-cert.ts";
import { createKubeCertificates } from "./kube-certificates.ts";
import { createKubeHandler, type KubeRequest, withManager } from "./kube-handler.ts";
import { createKubeNodes, type Member } from "./kube-nodes.ts";
import type { KubeObject, SimNode, SimPod } from "./kube-objects.ts";
import { createKubePods, type PodSpec } from "./kube-pods.ts";
import { type ApiMode, type ApiState, createKubeServer } from "./kube-server.ts";
import { createKubeStore } from "./kube-store.ts";
import { createKubeWatches } from "./kube-watch.ts";
import type { EtcdContent } from "./talos-etcd.ts";

export type { Member } from "./kube-nodes.ts";

/** A Kubernetes cluster over simulated machines, spoken to over real HTTPS. */
export interface KubeApi {
  readonly url: string;
  /** Signs kubelets' serving certificates, as PEM. */
  readonly kubeletCa: string;
  /** A kubeconfig with the CA and a token; as good as a file. */
  readonly kubeconfig: string;
  /** Every request since the start, newest last; at most the last 5000. */
  readonly requests: readonly KubeRequest[];
  /** A copy of the Node as the API has it. Throws when there is none. */
  node(name: string): SimNode;
  pods(node?: string): SimPod[];
  events(): KubeObject[];
  attachments(): KubeObject[];
  addPod(spec: PodSpec): SimPod;
  addPdb(spec: { name: string; namespace?: string; minAvailable: number; matchLabels: Record<string, string> }): void;
  addVolumeAttachment(spec: { node: string; volume: string }): void;
  /** A PersistentVolume that lives on one machine, bound to a claim. */
  addLocalVolume(spec: { name: string; claim: string; namespace?: string }): void;
  /** A copy of any object; `undefined` when there is none. */
  object(resource: string, name: string, namespace?: string): KubeObject | undefined;
  /** Adds or replaces any object, for example a Node of no machine. */
  put(resource: string, object: KubeObject): void;
  remove(resource: string, name: string, namespace?: string): void;
  /** What a person does with kubectl cordon or uncordon. */
  personCordons(node: string): void;
  personUncordons(node: string): void;
  /** What a person does with kubectl annotate; `undefined` removes it. */
  annotate(node: string, key: string, value: string | undefined): void;
  mode(mode: ApiMode): Promise<void>;
  /** `close`: all watches end cleanly; `reset`: all connections are torn; `gone`: all end with 410 and the history is forgotten. */
  breakWatches(how: "close" | "reset" | "gone"): void;
  /** Bookmarks on or off. */
  bookmarks(on: boolean): void;
  /** Watches stay open and silent: a connection that died without a word. */
  mute(on: boolean): void;
  watching(): number;
  /** How many TCP connections were ever accepted. */
  connections(): number;
  /** Answers in place of the API as long as it returns something. */
  intercept(
    answer: ((request: KubeRequest) => { code: number; body: unknown; headers?: Record<string, string> } | undefined) | undefined,
  ): void;
  /** Takes a right from the account of the kubeconfig, as `patch` of `nodes` or `create` of `pods/eviction`. */
  deny(verb: string, resource: string): void;
  /** Whether the Node is Ready, as far as the API can tell now. */
  ready(node: string): boolean;
  /** Installs a CNI, as Talos does where its configuration names Flannel. */
  addFlannel(): void;
  /** Everything in the cluster, for etcd to keep. */
  readonly content: EtcdContent;
  /** The node's lease stops though the machine runs on. */
  partition(node: string, cut: boolean): void;
  /** Two machines trade Node names. */
  swap(one: string, other: string): void;
  close(): Promise<void>;
}

/** A DaemonSet that gives pods a network, by its name. */
const networks = /cni|flannel|cilium|calico/;

/**
 * Starts the simulated API on 127.0.0.1.
 * @param state what stands behind it; default always up
 * @param cni Nodes are Ready only while there is a DaemonSet with the name of a CNI, and whether there is one at the start; default neither
 * @param graceMs from the last lease renewal to Ready=Unknown; default 40 s, as the node controller
 * @param gcMs from the out-of-service taint to PodGC and force detach; default 3 s
 */
export async function createKubeApi(options: {
  hosts: Member[];
  clock: Clock;
  graceMs?: number;
  gcMs?: number;
  state?: () => ApiState;
  cni?: "needed" | "installed";
}): Promise<KubeApi> {
  const { clock, graceMs = 40_000, gcMs = 3000, state = () => "up" as const, cni } = options;
  const store = createKubeStore(clock);
  const watches = createKubeWatches(store, clock);
  const networked = () => cni === undefined || store.list("daemonsets").some(({ metadata }) => networks.test(metadata.name));
  const nodes = createKubeNodes({ store, clock, members: options.hosts, graceMs, networked });
  const addFlannel = () =>
    store.put("daemonsets", { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "kube-flannel", namespace: "kube-system" } });
  if (cni === "installed") addFlannel();
  nodes.register();
  const certificates = createKubeCertificates({ store, nodes, mono: () => clock.mono() });
  const pods = createKubePods({ store, clock, nodes, gcMs });
  const token = randomBytes(12).toString("hex");
  const certificate = createLabCertificate("lab kube-apiserver");
  const requests: KubeRequest[] = [];
  const denied = new Set<string>();
  let intercept: Parameters<KubeApi["intercept"]>[0];
  const server = await createKubeServer({
    certificate,
    state,
    handle: createKubeHandler({
      store,
      watches,
      pods,
      nodes,
      token,
      seen: (request) => {
        requests.push(request);
        if (requests.length > 5000) requests.shift();
      },
      intercept: (request) => intercept?.(request),
      denied: (verb, resource) => denied.has(`${verb} ${resource}`),
    }),
  });

  const stopped = new AbortController();
  const run = async () => {
    for (let was = state(); ; await clock.sleep(1000, stopped.signal)) {
      const now = state();
      if (now === "up" && was !== "up") nodes.forgive();
      if (now === "down" && was !== "down") server.resetAll();
      was = now;
      if (now !== "up") continue;
      nodes.tick();
      pods.tick();
      certificates.tick();
    }
  };
  const running = run().catch((error: unknown) => {
    if (!stopped.signal.aborted) throw error;
  });
  const nodeOf = (name: string): SimNode => {
    const found = store.get("nodes", name);
    if (!found) throw new Error(`no Node ${name} in the simulated cluster`);
    return structuredClone(found) as SimNode;
  };
  const person = (name: string, unschedulable: boolean) => {
    const before = nodeOf(name);
    const { unschedulable: _, ...spec } = before.spec;
    const after: SimNode = { ...before, spec: unschedulable ? { ...spec, unschedulable } : spec };
    store.put("nodes", withManager(before, after, "kubectl-cordon"));
  };
  const url = `https://127.0.0.1:${server.port}`;

  return {
    url,
    kubeletCa: certificates.ca,
    ready: (node) => state() === "up" && nodes.ready(node),
    addFlannel: () => void addFlannel(),
    content: {
      dump: store.dump,
      load(content) {
        store.load(content);
        watches.end("gone");
      },
    },
    kubeconfig: kubeconfig(url, certificate.ca, token),
    deny: (verb, resource) => void denied.add(`${verb} ${resource}`),
    requests,
    node: nodeOf,
    pods: (node) => (store.list("pods") as SimPod[]).filter((pod) => node === undefined || pod.spec.nodeName === node),
    events: () => store.list("events"),
    attachments: () => store.list("volumeattachments"),
    addPod: pods.add,
    addPdb({ name, namespace = "default", minAvailable, matchLabels }) {
      const spec = { minAvailable, selector: { matchLabels } };
      store.put("poddisruptionbudgets", {
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata: { name, namespace },
        spec,
      } as KubeObject);
    },
    addVolumeAttachment({ node, volume }) {
      const spec = { attacher: "csi.example.com", nodeName: node, source: { persistentVolumeName: volume } };
      const metadata = { name: `csi-${randomUUID().slice(0, 8)}` };
      const attachment = { apiVersion: "storage.k8s.io/v1", kind: "VolumeAttachment", metadata, spec, status: { attached: true } };
      store.put("volumeattachments", attachment);
    },
    addLocalVolume({ name, claim, namespace = "default" }) {
      const spec = { local: { path: `/var/mnt/${name}` }, claimRef: { kind: "PersistentVolumeClaim", namespace, name: claim } };
      store.put("persistentvolumes", { apiVersion: "v1", kind: "PersistentVolume", metadata: { name }, spec } as KubeObject);
    },
    put(resource, object) {
      const status = { conditions: [], addresses: [], capacity: {}, allocatable: {}, nodeInfo: {} };
      store.put(resource, resource === "nodes" ? ({ spec: {}, status, ...object } as KubeObject) : object);
    },
    object: (resource, name, namespace) => structuredClone(store.get(resource, name, namespace)),
    remove: (resource, name, namespace) => void store.remove(resource, name, namespace),
    personCordons: (name) => person(name, true),
    personUncordons: (name) => person(name, false),
    annotate(name, key, value) {
      const before = nodeOf(name);
      const { [key]: _, ...annotations } = before.metadata.annotations ?? {};
      const next = value === undefined ? annotations : { ...annotations, [key]: value };
      store.put("nodes", { ...before, metadata: { ...before.metadata, annotations: next } });
    },
    mode: server.mode,
    breakWatches(how) {
      if (how === "reset") server.resetAll();
      else {
        if (how === "gone") store.compact();
        watches.end(how);
      }
    },
    bookmarks: (on) => {
      watches.bookmarks = on;
    },
    mute: (on) => {
      watches.mute = on;
    },
    watching: watches.count,
    connections: server.connections,
    intercept: (answer) => {
      intercept = answer;
    },
    partition: nodes.partition,
    swap: nodes.swap,
    async close() {
      stopped.abort();
      await running;
      watches.end("close");
      await server.close();
    },
  };
}

function kubeconfig(server: string, ca: string, token: string): string {
  return `apiVersion: v1
kind: Config
current-context: lab
clusters:
  - name: lab
    cluster:
      server: ${server}
      certificate-authority-data: ${Buffer.from(ca).toString("base64")}
contexts:
  - name: lab
    context:
      cluster: lab
      user: lightsout
users:
  - name: lightsout
    user:
      token: ${token}
`;
}
