import type { Clock } from "#events";
import type { Cluster, NodeView } from "../port.ts";
import { applyManifests } from "./apply.ts";
import { readAttachments } from "./attachments.ts";
import { createKubeClient } from "./client.ts";
import { readComponents, readVersion } from "./components.ts";
import { drain } from "./drain.ts";
import { refusal } from "./failures.ts";
import { field, items, text } from "./json.ts";
import type { KubeconfigSource } from "./kubeconfig.ts";
import { cordon, type NodeAccess, readNode, uncordon } from "./nodes.ts";
import { readObjects } from "./objects.ts";
import { type Permission, review } from "./permissions.ts";
import { LEASES, startPicture } from "./picture.ts";
import { podView, readPods } from "./pods.ts";
import { reportEvent } from "./report.ts";
import { readRoom } from "./room.ts";
import { approveServing, readServingRequests } from "./serving.ts";
import { settleNode } from "./settle.ts";
import { taintOutOfService, untaintOutOfService } from "./taint.ts";
import { nodeView } from "./view.ts";

/** How a Kubernetes cluster is reached and how its Nodes map to machines. */
export interface KubernetesOptions {
  readonly kubeconfig: KubeconfigSource;
  /** The first half of our marks in the cluster. */
  readonly site: string;
  /** The Node name of an inventory machine. */
  readonly nodeOf: (machine: string) => string;
  /** The inventory machine of a Node; `undefined` for Nodes that are none of ours. */
  readonly machineOf: (node: string) => string | undefined;
  readonly clock: Clock;
  readonly timeouts?: KubernetesTimeouts;
  /** Hears why the watch lost the API, why an Event could not be written, and what a listener of `watch` threw. For the log. */
  readonly onProblem?: (error: unknown) => void;
}

/** Milliseconds of the clock. */
interface KubernetesTimeouts {
  /** One request with its answer. @default 10000 */
  readonly request?: number;
  /** Silence after which the watch of Nodes is taken for dead; the API sends a bookmark about once a minute. @default 90000 */
  readonly nodeIdle?: number;
  /** The same for leases, which every kubelet renews every 10 s. @default 30000 */
  readonly leaseIdle?: number;
  /** Longest pause between attempts to reach the API again. @default 15000 */
  readonly maxBackoff?: number;
  /** Changes within this time make one picture. @default 100 */
  readonly debounce?: number;
  /** Between two looks at a Node that is being drained. @default 5000 */
  readonly drainEvery?: number;
}

/** The port, and what only this API has. */
export interface KubernetesCluster extends Cluster {
  /** The items of any collection, for those who read what is not the cluster's own; `undefined` when there is no such resource. */
  readObjects(path: string, signal?: AbortSignal): Promise<readonly unknown[] | undefined>;
  /** Whether the account of the kubeconfig may do this, as the API itself judges it. */
  may(permission: Permission, signal?: AbortSignal): Promise<boolean>;
  /** The API server's clock, milliseconds since the epoch; `undefined` where it does not tell. */
  now(signal?: AbortSignal): Promise<number | undefined>;
  close(): Promise<void>;
}

/** The cluster over the Kubernetes API. Throws `LO_CONFIG` when the kubeconfig cannot be used; connects at the first call. */
export function createKubernetesCluster(options: KubernetesOptions): KubernetesCluster {
  const { kubeconfig, site, nodeOf, machineOf, clock, timeouts = {}, onProblem = () => undefined } = options;
  const { request = 10_000, nodeIdle = 90_000, leaseIdle = 30_000, maxBackoff = 15_000, debounce = 100, drainEvery = 5000 } = timeouts;
  const client = createKubeClient({ kubeconfig, clock, timeoutMs: request });
  const access: NodeAccess = { client, site, nodeOf };
  const stops = new Set<() => Promise<void>>();

  const lease = (machine: string, signal?: AbortSignal) =>
    client
      .call({ method: "GET", path: `${LEASES}/${encodeURIComponent(nodeOf(machine))}`, target: machine, operation: "read lease", signal })
      .catch((error: unknown) => {
        if (refusal(error)?.status === 404) return undefined;
        throw error;
      });

  return {
    async node(machine, signal) {
      const read = await readNode(access, machine, "read node", signal);
      return read && nodeView(read.node, await lease(machine, signal), machineOf);
    },
    async nodes(signal) {
      const list = async (path: string) =>
        items(field(await client.call({ method: "GET", path, target: path, operation: "list", signal }), "items"));
      const [nodes, leases] = await Promise.all([list("/api/v1/nodes"), list(LEASES)]);
      const leaseOf = new Map(leases.map((one) => [text(field(one, "metadata", "name")), one]));
      return nodes.flatMap((node): NodeView[] => {
        const view = nodeView(node, leaseOf.get(text(field(node, "metadata", "name"))), machineOf);
        return view ? [view] : [];
      });
    },
    cordon: (machine, by, signal) => cordon(access, machine, by, signal),
    uncordon: (machine, by, signal) => uncordon(access, machine, by, signal),
    drain: (machine, { deadlineMs }, signal) => drain(access, machine, { deadlineMs, clock, everyMs: drainEvery, signal }),
    pods: async (machine, signal) => (await readPods(access, machine, signal)).map(podView),
    attachments: (machine, signal) => readAttachments(access, machine, signal),
    taintOutOfService: (machine, permit, proof) => taintOutOfService(access, machine, permit, proof),
    untaintOutOfService: (machine, signal) => untaintOutOfService(access, machine, signal),
    settle: (machine, settings, signal) => settleNode(access, machine, settings, signal),
    room: (machine, signal) => readRoom(access, machine, signal),
    servingRequests: (signal) => readServingRequests(client, signal),
    // The request names a Node; the permit says for which machine it was judged.
    approveServing: (request, permit) => approveServing(client, permit.machine, request, permit),
    apply: (manifests, signal) => applyManifests(client, clock, manifests, signal),
    version: (signal) => readVersion(client, signal),
    components: (machine, signal) => readComponents(access, machine, signal),
    report: (machine, event, signal) => reportEvent(access, clock, machine, event, signal).catch(onProblem),
    async watch(onChange) {
      const stopPicture = startPicture({
        client,
        clock,
        machineOf,
        onChange,
        onProblem,
        debounceMs: debounce,
        nodeIdleMs: nodeIdle,
        leaseIdleMs: leaseIdle,
        maxBackoffMs: maxBackoff,
      });
      const stop = async () => {
        stops.delete(stop);
        await stopPicture();
      };
      stops.add(stop);
      return stop;
    },
    readObjects: (path, signal) => readObjects(client, path, signal),
    may: (permission, signal) => review(client, permission, signal),
    now: (signal) => client.now(signal),
    async close() {
      await Promise.all([...stops].map((stop) => stop()));
      await client.close();
    },
  };
}
