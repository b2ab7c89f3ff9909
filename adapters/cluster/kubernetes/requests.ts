import { field, items } from "./json.ts";
import { quantity } from "./quantity.ts";

/** Amounts by resource: cores, bytes, devices, pods. */
export type Amounts = Readonly<Record<string, number>>;

/** Amounts as they stand in an object. One that cannot be read counts as `unreadable`. */
export function amounts(value: unknown, unreadable: number): Amounts {
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(entries.map(([key, one]) => [key, quantity(one) ?? unreadable]));
}

/**
 * What a pod takes from its node, as the scheduler counts it: its containers and sidecars together, or more where an init container wants
 * more; what the pod as a whole asks for instead; its runtime's overhead; its place among the pods. Endless where it cannot be read.
 * https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
 */
export function requestsOf(pod: unknown): Amounts {
  const of = (container: unknown) => amounts(field(container, "resources", "requests"), Number.POSITIVE_INFINITY);
  let sidecars: Amounts = {};
  let starting: Amounts = {};
  for (const container of items(field(pod, "spec", "initContainers"))) {
    if (field(container, "restartPolicy") === "Always") sidecars = plus(sidecars, of(container));
    else starting = most(starting, plus(sidecars, of(container)));
  }
  const running = items(field(pod, "spec", "containers")).reduce<Amounts>((sum, container) => plus(sum, of(container)), sidecars);
  const whole = { ...most(running, most(starting, sidecars)), ...of(field(pod, "spec")) };
  return { ...plus(whole, amounts(field(pod, "spec", "overhead"), Number.POSITIVE_INFINITY)), pods: 1 };
}

const both = (a: Amounts, b: Amounts, how: (a: number, b: number) => number): Amounts =>
  Object.fromEntries([...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => [key, how(a[key] ?? 0, b[key] ?? 0)]));
const plus = (a: Amounts, b: Amounts) => both(a, b, (one, other) => one + other);
const most = (a: Amounts, b: Amounts) => both(a, b, Math.max);

/** What is left; what was not there stays away. */
export const minus = (left: Amounts, taken: Amounts): Amounts =>
  Object.fromEntries(Object.entries(left).map(([key, amount]) => [key, amount - (taken[key] ?? 0)]));

/** Whether it fits, a millionth for what binary fractions lose. */
export const within = (wants: Amounts, free: Amounts): boolean =>
  Object.entries(wants).every(([key, want]) => want === 0 || (free[key] ?? 0) - want > -1e-6);
