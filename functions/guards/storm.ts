import type { Inventory } from "#adapters/inventory/port.ts";
import type { Guard } from "#events";
import { allow, disrupts, wait } from "./verdict.ts";

export interface StormLimits {
  /** Share of a group that may be lost inside the window, 0 to 1; one machine always may. */
  readonly share: number;
  readonly windowMs: number;
  readonly cooldownMs: number;
}

/**
 * When a storm over a group ends, by the times its machines were lost: the window plus the cooldown after the last loss that was more than
 * `max(1, share)` of the group within one window. `undefined` when there is none.
 */
export function stormUntil(lostAt: readonly number[], groupSize: number, limits: StormLimits): number | undefined {
  const times = lostAt.toSorted((a, b) => a - b);
  const most = Math.max(1, limits.share * groupSize);
  let until: number | undefined;
  for (const [index, at] of times.entries()) {
    const together = times.slice(0, index + 1).filter((earlier) => earlier >= at - limits.windowMs).length;
    if (together > most) until = at + limits.windowMs + limits.cooldownMs;
  }
  return until;
}

/**
 * Many machines lost together mean a broken network, not broken machines: no new recovery starts; running ones go on. It is asked
 * for the fleet and for each failure domain, and it never keeps a machine off that is off and meant to be on.
 */
export function stormGuard(options: {
  inventory: Inventory;
  incidents: () => Promise<readonly { machine: string; openedAt: number }[]>;
  now: () => number;
  limits: StormLimits;
}): Guard {
  return {
    name: "storm",
    async check(intent) {
      if (!intent.function.recovery || !intent.first || !disrupts(intent)) return allow("no new recovery");
      const machines = options.inventory.machines();
      const incidents = await options.incidents();
      const { domains } = options.inventory.machine(intent.machine);
      const groups = [
        { name: "the fleet", members: machines },
        ...domains.map((domain) => ({ name: domain, members: machines.filter((machine) => machine.domains.includes(domain)) })),
      ];
      for (const { name, members } of groups) {
        const lost = incidents.filter((incident) => members.some((member) => member.name === incident.machine));
        const until = stormUntil(
          lost.map((incident) => incident.openedAt),
          members.length,
          options.limits,
        );
        if (until === undefined || options.now() >= until) continue;
        return wait(
          `too many of ${name} were lost at once (${lost.length} of ${members.length}): suspect the network. Looks again at ${new Date(until).toISOString()}`,
        );
      }
      return allow("no storm");
    },
  };
}
