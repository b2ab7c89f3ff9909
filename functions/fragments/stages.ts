import type { Machine } from "#adapters/inventory/port.ts";

/** Machines that are switched on together, and whether etcd must serve before those that follow. */
export interface Stage {
  readonly name: string;
  readonly machines: readonly string[];
  readonly etcd: boolean;
}

/**
 * The order in which a site comes back: pools that are named, in their order, then the other control planes, then the other workers. Where
 * a named pool holds the last control planes, etcd must serve before the next.
 */
export function stagesOf(machines: readonly Pick<Machine, "name" | "pool" | "role">[], pools: readonly string[]): Stage[] {
  const others = machines.filter(({ pool }) => !pools.includes(pool));
  const groups = [
    ...pools.map((pool) => ({ name: `pool ${pool}`, group: machines.filter((machine) => machine.pool === pool) })),
    { name: "control planes", group: others.filter(({ role }) => role === "control-plane") },
    { name: "workers", group: others.filter(({ role }) => role === "worker") },
  ].filter(({ group }) => group.length > 0);
  const last = groups.findLastIndex(({ group }) => group.some(({ role }) => role === "control-plane"));
  return groups.map(({ group, name }, index) => ({ name, machines: group.map((machine) => machine.name), etcd: index === last }));
}
