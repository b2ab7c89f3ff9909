import { Secret } from "./secret.ts";

/** Whether two parts of configurations say the same, secrets included. */
export function same(one: unknown, other: unknown): boolean {
  if (one instanceof Secret && other instanceof Secret) return one.reveal() === other.reveal();
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return Object.is(one, other);
  const [mine, theirs] = [Object.entries(one), new Map(Object.entries(other))];
  return mine.length === theirs.size && mine.every(([key, value]) => theirs.has(key) && same(value, theirs.get(key)));
}

/** What the second configuration changes, in words for a log; empty where they say the same. */
export function changesOf<Config extends { readonly machines: readonly { readonly name: string }[] }>(
  before: Config,
  now: Config,
): string[] {
  const { machines: had, ...others } = before;
  const { machines: has, ...rest } = now;
  const [old, fresh] = [byName(had), byName(has)];
  const named = (what: string, names: readonly string[]) => (names.length === 0 ? [] : [`${what} ${names.join(", ")}`]);
  const keys = [...new Set([...Object.keys(others), ...Object.keys(rest)])];
  const values = [new Map<string, unknown>(Object.entries(others)), new Map<string, unknown>(Object.entries(rest))] as const;
  return [
    ...named(
      "adds",
      [...fresh.keys()].filter((name) => !old.has(name)),
    ),
    ...named(
      "removes",
      [...old.keys()].filter((name) => !fresh.has(name)),
    ),
    ...named(
      "changes",
      [...fresh].filter(([name, machine]) => old.has(name) && !same(machine, old.get(name))).map(([name]) => name),
    ),
    ...named(
      "changes",
      keys.filter((key) => !same(values[0].get(key), values[1].get(key))),
    ),
  ];
}

const byName = <Machine extends { readonly name: string }>(machines: readonly Machine[]) =>
  new Map(machines.map((machine) => [machine.name, machine]));
