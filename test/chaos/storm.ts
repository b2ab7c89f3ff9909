import type { Question } from "#adapters/http/port.ts";
import type { RunSummary } from "#events";
import type { WorkerProcess } from "#test/e2e/outside.ts";
import { createDice, type Dice } from "#test/fuzz/mutate.ts";
import { type Figures, judge } from "./judge.ts";
import { names, type Place } from "./site.ts";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** How long mended things get to settle: 30 minutes of the lab. */
const settleMs = 1_800_000;

/** Lets events in, kills workers and servers, sets clocks, breaks BMCs, mends everything, and judges. */
export async function storm(place: Place, options: { rounds: number; seed: number; say: (line: string) => void }): Promise<Figures> {
  const { rounds, seed, say } = options;
  const { site, servers } = place;
  const dice = createDice(seed);
  const workers = await Promise.all(Array.from({ length: place.workers }, () => site.start(clockOff(dice))));
  const runs = new Set<string>();
  let events = 0;
  await site.rack.clock.sleep(30_000);

  for (let round = 1; round <= rounds; round += 1) {
    for (let more = dice(3); more > 0; more -= 1) {
      events += 1;
      const event = eventFor(dice, `chaos-${seed}-${events}`);
      for (const run of await insist(workers, event)) runs.add(run);
    }
    breakSomething(place, dice);
    await sleep(dice(700));
    await strike(place, workers, dice);
    if (dice(4) === 0) await answerPeople(workers);
    if (round % 50 === 0) say(`round ${round} of ${rounds}: ${events} events, ${runs.size} runs`);
  }

  for (const server of servers) await server.start();
  for (const name of names) mend(place, name);
  const worker = workers[0] as WorkerProcess;
  const end = site.rack.clock.mono() + settleMs;
  while (site.rack.clock.mono() < end && !(await allEnded(worker))) {
    await answerPeople(workers);
    await site.rack.clock.sleep(20_000);
  }
  const hosts = new Map(names.map((name) => [name, site.rack.host(name)]));
  return judge(worker, hosts, { rounds, runs, events });
}

function eventFor(dice: Dice, id: string): object {
  const machine = names[dice(names.length)];
  const how = dice(4);
  if (how === 0) return { id, type: "power-off-requested", data: { machine, hard: true } };
  if (how === 1) return { id, type: "power-on-requested", data: { machine } };
  return { id, type: "power-cycle", data: { machine, hard: true } };
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

/** A machine hangs, or its BMC loses packets, ignores requests, is dead, or is well again. */
function breakSomething(place: Place, dice: Dice): void {
  const name = names[dice(names.length)] as string;
  const { faults } = place.site.rack.host(name);
  const how = dice(8);
  mend(place, name);
  if (how === 0) faults.hang = true;
  if (how === 1) faults.loss = 0.3;
  if (how === 2) faults.ignores.add(dice(2) === 0 ? "force-off" : "on");
  if (how === 3) faults.bmcDead = true;
  if (how === 4) faults.slowOffMs = 20_000;
  if (how === 5) faults.refusesAlready = true;
}

function mend(place: Place, name: string): void {
  const { faults } = place.site.rack.host(name);
  Object.assign(faults, { loss: 0, bmcDead: false, slowOffMs: 0, refusesAlready: false });
  faults.ignores.clear();
}

/** No two clocks agree: a worker's is up to ten minutes off, either way. */
const clockOff = (dice: Dice): number => (dice(21) - 10) * 60_000;

/** Kills a worker or a server, stops a worker for longer than its lease, or sets its clock. */
async function strike({ site, servers }: Place, workers: WorkerProcess[], dice: Dice): Promise<void> {
  const at = dice(workers.length);
  const worker = workers[at] as WorkerProcess;
  const how = dice(10);
  const server = servers[dice(Math.max(1, servers.length))];
  if (how === 0 && server) {
    await server.kill();
    await sleep(dice(1500));
    await server.start();
  } else if (how === 1 && workers.length > 1) {
    await worker.signal("SIGSTOP");
    await site.rack.clock.sleep(20_000 + dice(60_000));
    await worker.signal("SIGCONT");
  } else if (how === 2) {
    await worker.signal("SIGUSR2");
  } else {
    await worker.signal("SIGKILL");
    workers[at] = await site.start(clockOff(dice));
  }
}

/** Agrees to what is asked, abandons what is parked, and releases what is quarantined: there are always people. */
async function answerPeople(workers: readonly WorkerProcess[]): Promise<void> {
  const worker = workers[0] as WorkerProcess;
  const attempt = (work: Promise<unknown>) => work.catch(() => undefined);
  const { questions = [] } = (await worker.call<{ questions: Question[] }>("GET", "/v1/questions").catch(() => undefined)) ?? {};
  for (const { run, step, nonce, digest } of questions) {
    await attempt(worker.call("POST", `/v1/runs/${run}/decide`, { step, nonce, digest, approve: true }));
  }
  const parked = await worker.call<{ runs: RunSummary[] }>("GET", "/v1/runs?status=parked").catch(() => ({ runs: [] }));
  for (const { run } of parked.runs) await attempt(worker.call("POST", `/v1/runs/${run}/resume`, { word: "abandon" }));
  for (const name of names) await attempt(worker.call("DELETE", `/v1/holds/machine/${name}`));
}

async function allEnded(worker: WorkerProcess): Promise<boolean> {
  for (const status of ["queued", "running", "waiting", "asking"]) {
    const { runs } = await worker.call<{ runs: RunSummary[] }>("GET", `/v1/runs?status=${status}`);
    if (runs.length > 0) return false;
  }
  return true;
}
