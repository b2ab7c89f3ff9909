import { type Duration, type Guard, milliseconds, type Rate, type Reservations, type Use } from "#events";
import { allow, wait } from "./verdict.ts";

/** A rate such as `"2/6h"`, taken apart. */
export function parseRate(rate: Rate): { count: number; windowMs: number } {
  const [count, window] = rate.split("/") as [string, Duration];
  return { count: Number(count), windowMs: milliseconds(window) };
}

/** The first rate that one more use would break, if any. */
export function broken(rates: readonly Rate[], used: readonly Use[], now: number): Rate | undefined {
  return rates.find((rate) => {
    const { count, windowMs } = parseRate(rate);
    return used.filter((use) => use.at > now - windowMs).length >= count;
  });
}

/**
 * Budgets over all functions, reserved durably before a run's first act: used up for the machine means quarantine and a person, used
 * up for the fleet means wait. Every run counts, only functions that declare a limit are held back.
 */
export function budgetGuard(options: { reservations: Reservations; now: () => number }): Guard {
  return {
    name: "budget",
    reserves: true,
    async check({ machine, run, function: spec }) {
      const { reservations } = options;
      const now = options.now();
      const perMachine = spec.limit?.perMachine ?? [];
      const fleet = spec.limit?.fleet === undefined ? [] : [spec.limit.fleet];
      const mine = `machine/${machine}`;
      if (!(await reservations.reserve(mine, run, now, (used) => broken(perMachine, used, now) === undefined))) {
        const rate = broken(perMachine, await reservations.uses(mine), now);
        return {
          says: "refuse",
          quarantine: true,
          reason: `${machine} has used up its budget (${rate ?? perMachine.join(", ")}): it needs a person`,
        };
      }
      if (!(await reservations.reserve("fleet", run, now, (used) => broken(fleet, used, now) === undefined))) {
        await reservations.giveBack(mine, run);
        return wait(`the fleet's budget is used up (${fleet.join(", ")})`);
      }
      return allow("within budget");
    },
  };
}
