import type { RunSummary } from "#events";
import type { WorkerProcess } from "#test/e2e/outside.ts";
import { createDice } from "#test/fuzz/mutate.ts";
import { type Figures, judge } from "./judge.ts";
import { answerPeople } from "./people.ts";
import { type Mix, nextRequest } from "./requests.ts";
import { names, type Place } from "./site.ts";
import { breakSomething, mend, sleep, startWorker, strike } from "./strike.ts";

/** How long mended things get to settle: 60 minutes of the lab, since an upgrade that was cut off waits for 16 before it looks. */
const settleMs = 3_600_000;

export interface StormOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Default `mixed`. */
  readonly mix?: Mix;
  /** Is told how far it is, and every thing that is wrong in the end. */
  say(line: string): void;
}

/** Lets events in, strikes workers, servers and clocks, breaks BMCs, mends everything, and judges. */
export async function storm(place: Place, options: StormOptions): Promise<Figures> {
  const { rounds, seed, mix = "mixed", say } = options;
  const { site, servers } = place;
  const dice = createDice(seed);
  const workers: WorkerProcess[] = [];
  for (let count = place.workers; count > 0; count -= 1) workers.push(await startWorker(place, dice));
  const runs = new Set<string>();
  let events = 0;
  await site.rack.clock.sleep(30_000);

  for (let round = 1; round <= rounds; round += 1) {
    for (let more = dice(3); more > 0; more -= 1) {
      events += 1;
      for (const run of await insist(workers, nextRequest(dice, mix, seed, events))) runs.add(run);
    }
    breakSomething(place, dice);
    await sleep(dice(700));
    await strike(place, workers, dice);
    if (dice(4) === 0) await answerPeople(workers[0] as WorkerProcess);
    if (round % 50 === 0) say(`round ${round} of ${rounds}: ${events} events, ${runs.size} runs`);
  }

  for (const server of servers) await server.start();
  for (const name of names) mend(place, name);
  const worker = workers[0] as WorkerProcess;
  const end = site.rack.clock.mono() + settleMs;
  while (site.rack.clock.mono() < end && !(await allEnded(worker))) {
    await answerPeople(worker);
    await site.rack.clock.sleep(20_000);
  }
  return judge(worker, place, { rounds, runs, events, say });
}

/** Sends it until some worker says that it has it: the same id is the same event, however often it arrives. */
async function insist(workers: readonly WorkerProcess[], event: object): Promise<readonly string[]> {
  for (let attempt = 0; ; attempt += 1) {
    const worker = workers[attempt % workers.length] as WorkerProcess;
    try {
      return (await worker.call<{ runs: string[] }>("POST", "/v1/events", event)).runs;
    } catch (error) {
      if (attempt > 400) throw error;
      await sleep(100);
    }
  }
}

async function allEnded(worker: WorkerProcess): Promise<boolean> {
  for (const status of ["queued", "running", "waiting", "asking", "parked"]) {
    const { runs } = await worker.call<{ runs: RunSummary[] }>("GET", `/v1/runs?status=${status}`);
    if (runs.length > 0) return false;
  }
  return true;
}
