import { type ActIntent, type Duration, type Guard, milliseconds, type Rate, type Reservations, type Use } from "#events";
import { type Answer, allow, gentle, wait } from "./verdict.ts";

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
 * up for the fleet means wait. Every run counts that does more to its machine than gentle acts, only functions that declare a limit are
 * held back; one that has its place keeps it to the end.
 */
export function budgetGuard(options: { reservations: Reservations; now: () => number }): Guard {
  const { reservations, now } = options;
  const limits = ({ machine, function: spec }: ActIntent) => ({
    mine: `machine/${machine}`,
    perMachine: spec.limit?.perMachine ?? [],
    fleet: spec.limit?.fleet === undefined ? [] : [spec.limit.fleet],
  });
  const spent = async (budget: string, rates: readonly Rate[], run: string): Promise<string | undefined> => {
    const used = (await reservations.uses(budget)).filter((use) => use.run !== run);
    const rate = broken(rates, used, now());
    if (rate === undefined) return undefined;
    const { windowMs } = parseRate(rate);
    const counting = used.filter((use) => use.at > now() - windowMs);
    const free = Math.min(...counting.map((use) => use.at)) + windowMs;
    return `${rate}, by runs ${counting.map((use) => use.run.slice(0, 12)).join(", ")}; free again at ${new Date(free).toISOString()}`;
  };
  const refused = (machine: string, why: string): Answer => ({
    says: "refuse",
    quarantine: true,
    reason: `${machine} has used up its budget (${why}): it needs a person`,
  });
  const preview = async (intent: ActIntent): Promise<Answer> => {
    if (gentle(intent)) return allow("nothing is used up");
    const { mine, perMachine, fleet } = limits(intent);
    const own = await spent(mine, perMachine, intent.run);
    if (own !== undefined) return refused(intent.machine, own);
    const all = await spent("fleet", fleet, intent.run);
    return all === undefined ? allow("within budget") : wait(`the fleet's budget is used up (${all})`);
  };
  return {
    name: "budget",
    reserves: true,
    preview,
    async giveBack({ machine, run }) {
      await reservations.giveBack(`machine/${machine}`, run);
      await reservations.giveBack("fleet", run);
    },
    async check(intent) {
      const { machine, run, observed } = intent;
      const { mine, perMachine, fleet } = limits(intent);
      if (gentle(intent)) return allow("the machine goes on as it is: nothing is used up");
      // A person who asks for what is so already uses nothing up.
      if (observed.is === "done" && intent.function.limit === undefined) return allow("nothing to do");
      if (!(await reservations.reserve(mine, run, now(), (used) => broken(perMachine, used, now()) === undefined))) {
        return refused(machine, (await spent(mine, perMachine, run)) ?? perMachine.join(", "));
      }
      if (!(await reservations.reserve("fleet", run, now(), (used) => broken(fleet, used, now()) === undefined))) {
        await reservations.giveBack(mine, run);
        return wait(`the fleet's budget is used up (${(await spent("fleet", fleet, run)) ?? fleet.join(", ")})`);
      }
      return allow("within budget");
    },
  };
}
