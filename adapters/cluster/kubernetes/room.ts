import { admits } from "./admits.ts";
import { field, items, text } from "./json.ts";
import type { NodeAccess } from "./nodes.ts";
import { podRead } from "./pods.ts";
import { type Amounts, amounts, minus, requestsOf, within } from "./requests.ts";
import { isReady, isUnschedulable } from "./view.ts";

/** Whether pods would find room, and those that would not. */
export interface Room {
  readonly fits: boolean;
  readonly why: string;
}

/** Whether the machine's pods would find room on the other Nodes that are ready and schedulable. */
export async function readRoom({ client, nodeOf }: NodeAccess, machine: string, signal?: AbortSignal): Promise<Room> {
  const list = async (path: string) =>
    items(field(await client.call({ method: "GET", path, target: machine, operation: "look for room", signal }), "items"));
  const [nodes, pods] = await Promise.all([list("/api/v1/nodes"), list("/api/v1/pods")]);
  return roomElsewhere(nodes, pods, nodeOf(machine));
}

/**
 * Puts the pods of `own`, the largest first, each where it fits first: by requests, node selectors, required node affinity and tolerations. An
 * estimate, since spread, pod affinity, ports and volumes are the scheduler's to know: a yes may be a little too friendly there, and a no
 * where a better packing would fit.
 */
export function roomElsewhere(nodes: readonly unknown[], pods: readonly unknown[], own: string): Room {
  const byNode = Map.groupBy(
    pods.filter((pod) => !isFinished(pod)),
    (pod) => field(pod, "spec", "nodeName"),
  );
  const on = (node: string) => byNode.get(node) ?? [];
  const places = nodes.flatMap((node): { readonly node: unknown; free: Amounts }[] => {
    const name = nameOf(node);
    if (name === own || isUnschedulable(node) || !isReady(node)) return [];
    const free = on(name).reduce<Amounts>((left, pod) => minus(left, requestsOf(pod)), amounts(field(node, "status", "allocatable"), 0));
    return [{ node, free }];
  });
  const moving = on(own).filter((pod) => {
    const read = podRead(pod, new Set());
    return read !== undefined && !read.daemonSet && !read.mirror;
  });
  const homeless = moving
    .toSorted((a, b) => size(requestsOf(b)) - size(requestsOf(a)))
    .filter((pod) => {
      const wants = requestsOf(pod);
      const found = places.find(({ free, node }) => admits(node, pod) && within(wants, free));
      if (found) found.free = minus(found.free, wants);
      return found === undefined;
    });
  if (homeless.length === 0) return { fits: true, why: `${moving.length} pods fit on ${places.length} other nodes` };
  const named = homeless.slice(0, 5).map((pod) => `${text(field(pod, "metadata", "namespace"))}/${nameOf(pod)}`);
  const more = homeless.length > named.length ? `, and ${homeless.length - named.length} more` : "";
  return { fits: false, why: `no other node has room for ${named.join(", ")}${more}` };
}

/** For the order alone: GPUs weigh most, then memory and cores. */
const size = (wants: Amounts): number =>
  Object.entries(wants).reduce(
    (sum, [key, amount]) => sum + (key.includes("/") ? amount * 1e12 : key === "memory" ? amount : amount * 1e6),
    0,
  );

const nameOf = (object: unknown): string => text(field(object, "metadata", "name")) ?? "";
const isFinished = (pod: unknown): boolean => ["Succeeded", "Failed"].includes(text(field(pod, "status", "phase")) ?? "");
