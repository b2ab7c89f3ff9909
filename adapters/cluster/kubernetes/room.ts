import { field, items, strings, text } from "./json.ts";
import type { NodeAccess } from "./nodes.ts";
import { podRead } from "./pods.ts";
import { quantity } from "./quantity.ts";
import { isUnschedulable } from "./view.ts";

type Amounts = Readonly<Record<string, number>>;

interface Place {
  readonly node: unknown;
  /** What is left of each resource. */
  free: Amounts;
}

/**
 * Whether the machine's pods would find room elsewhere: by their requests, node selectors, required node affinity and tolerations, each put
 * where it fits first, the largest first. An estimate: spread, pod affinity and volumes are the scheduler's to know.
 */
export async function readRoom(
  { client, nodeOf }: NodeAccess,
  machine: string,
  signal?: AbortSignal,
): Promise<{ readonly fits: boolean; readonly why: string }> {
  const list = async (path: string) =>
    items(field(await client.call({ method: "GET", path, target: machine, operation: "look for room", signal }), "items"));
  const [nodes, pods] = await Promise.all([list("/api/v1/nodes"), list("/api/v1/pods")]);
  const own = nodeOf(machine);
  const on = (node: string) => pods.filter((pod) => field(pod, "spec", "nodeName") === node && !isFinished(pod));
  const places = nodes.flatMap((node): Place[] => {
    const name = text(field(node, "metadata", "name")) ?? "";
    if (name === own || isUnschedulable(node) || !isReady(node)) return [];
    const free = on(name).reduce<Amounts>((left, pod) => minus(left, requestsOf(pod)), allocatable(node));
    return [{ node, free }];
  });
  const moving = on(own)
    .filter((pod) => {
      const read = podRead(pod, new Set());
      return read !== undefined && !read.daemonSet && !read.mirror;
    })
    .toSorted((a, b) => size(requestsOf(b)) - size(requestsOf(a)));
  const homeless = moving.filter((pod) => !place(pod, places));
  if (homeless.length === 0) return { fits: true, why: `${moving.length} pods fit on ${places.length} other nodes` };
  const names = homeless.slice(0, 5).map((pod) => `${text(field(pod, "metadata", "namespace"))}/${text(field(pod, "metadata", "name"))}`);
  const more = homeless.length > names.length ? `, and ${homeless.length - names.length} more` : "";
  return { fits: false, why: `no other node has room for ${names.join(", ")}${more}` };
}

function place(pod: unknown, places: readonly Place[]): boolean {
  const wants = requestsOf(pod);
  const found = places.find(
    ({ free, node }) => admits(node, pod) && Object.entries(wants).every(([key, want]) => (free[key] ?? 0) >= want),
  );
  if (found) found.free = minus(found.free, wants);
  return found !== undefined;
}

const minus = (left: Amounts, taken: Amounts): Amounts =>
  Object.fromEntries(Object.entries(left).map(([key, amount]) => [key, amount - (taken[key] ?? 0)]));

const allocatable = (node: unknown): Amounts => amounts(field(node, "status", "allocatable"));

function amounts(value: unknown): Amounts {
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(
    entries.flatMap(([key, one]) => {
      const amount = quantity(one);
      return amount === undefined ? [] : [[key, amount]];
    }),
  );
}

/** What a pod takes from a node: its containers' requests, and its place among the pods. */
function requestsOf(pod: unknown): Amounts {
  const taken: Record<string, number> = { pods: 1 };
  for (const container of items(field(pod, "spec", "containers"))) {
    for (const [key, amount] of Object.entries(amounts(field(container, "resources", "requests")))) taken[key] = (taken[key] ?? 0) + amount;
  }
  return taken;
}

/** For the order alone: GPUs weigh most, then memory and cores. */
const size = (wants: Amounts): number =>
  Object.entries(wants).reduce(
    (sum, [key, amount]) => sum + (key.includes("/") ? amount * 1e12 : key === "memory" ? amount : amount * 1e6),
    0,
  );

function admits(node: unknown, pod: unknown): boolean {
  const labels = strings(field(node, "metadata", "labels"));
  const selector = Object.entries(strings(field(pod, "spec", "nodeSelector")));
  const terms = items(
    field(pod, "spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"),
  );
  return (
    selector.every(([key, value]) => labels[key] === value) &&
    (terms.length === 0 || terms.some((term) => items(field(term, "matchExpressions")).every((one) => matches(labels, one)))) &&
    items(field(node, "spec", "taints")).every((taint) => field(taint, "effect") === "PreferNoSchedule" || tolerated(pod, taint))
  );
}

function matches(labels: Readonly<Record<string, string>>, expression: unknown): boolean {
  const key = text(field(expression, "key")) ?? "";
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  const values = items(field(expression, "values"));
  switch (field(expression, "operator")) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return value !== undefined && Number(value) > Number(values[0]);
    case "Lt":
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

const tolerated = (pod: unknown, taint: unknown): boolean =>
  items(field(pod, "spec", "tolerations")).some((one) => {
    const effect = text(field(one, "effect")) ?? "";
    const key = text(field(one, "key")) ?? "";
    const exists = field(one, "operator") === "Exists";
    if (effect !== "" && effect !== field(taint, "effect")) return false;
    if (key === "") return exists;
    return key === field(taint, "key") && (exists || (text(field(one, "value")) ?? "") === (text(field(taint, "value")) ?? ""));
  });

const isFinished = (pod: unknown): boolean => ["Succeeded", "Failed"].includes(text(field(pod, "status", "phase")) ?? "");
const isReady = (node: unknown): boolean =>
  items(field(node, "status", "conditions")).some((one) => field(one, "type") === "Ready" && field(one, "status") === "True");
