import type { Clock } from "#events";
import type { NodeView, Picture } from "../port.ts";
import type { KubeClient } from "./client.ts";
import { field, text } from "./json.ts";
import { nodeView } from "./view.ts";
import { type FollowEvents, follow } from "./watch.ts";

export interface PictureOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly machineOf: (node: string) => string | undefined;
  readonly onChange: (picture: Picture) => void;
  /** The API was lost, or `onChange` threw. */
  readonly onProblem: (error: unknown) => void;
  /** Changes within this time make one picture. */
  readonly debounceMs: number;
  readonly nodeIdleMs: number;
  readonly leaseIdleMs: number;
  readonly maxBackoffMs: number;
}

export const LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

/**
 * Follows Nodes and their leases and tells the whole picture after every change. Reachable means that both were read and
 * neither is lost since; the news that they are lost is not debounced. Returns what stops it: nothing is told afterwards.
 */
export function startPicture(options: PictureOptions): () => Promise<void> {
  const { client, clock, machineOf, onChange, onProblem, debounceMs, maxBackoffMs } = options;
  const stopped = new AbortController();
  const nodes = new Map<string, unknown>();
  const leases = new Map<string, unknown>();
  const read = { nodes: false, leases: false };
  let told: boolean | undefined;
  let waiting = false;

  const tell = () => {
    const reachable = read.nodes && read.leases;
    if (stopped.signal.aborted || (!reachable && told === false)) return;
    told = reachable;
    const views: NodeView[] = [...nodes].flatMap(([name, node]) => nodeView(node, leases.get(name), machineOf) ?? []);
    try {
      onChange({ reachable, nodes: views });
    } catch (error) {
      onProblem(error);
    }
  };
  const soon = () => {
    if (waiting) return;
    waiting = true;
    void clock.sleep(debounceMs, stopped.signal).then(
      () => {
        waiting = false;
        if (read.nodes && read.leases) tell();
      },
      () => undefined,
    );
  };
  const keep = (into: Map<string, unknown>, which: keyof typeof read): FollowEvents => {
    const name = (object: unknown) => text(field(object, "metadata", "name")) ?? "";
    return {
      all(objects) {
        into.clear();
        for (const object of objects) into.set(name(object), object);
        read[which] = true;
        soon();
      },
      changed(object) {
        into.set(name(object), object);
        soon();
      },
      gone(object) {
        into.delete(name(object));
        soon();
      },
      lost(error) {
        read[which] = false;
        onProblem(error);
        tell();
      },
    };
  };

  const common = { client, clock, maxBackoffMs };
  const following = [
    follow({ ...common, path: "/api/v1/nodes", idleMs: options.nodeIdleMs }, keep(nodes, "nodes"), stopped.signal),
    follow({ ...common, path: LEASES, idleMs: options.leaseIdleMs }, keep(leases, "leases"), stopped.signal),
  ];
  return async () => {
    stopped.abort();
    await Promise.all(following);
  };
}
