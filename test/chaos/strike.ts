import type { WorkerProcess } from "#test/e2e/outside.ts";
import type { Dice } from "#test/fuzz/mutate.ts";
import { names, type Place } from "./site.ts";

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A worker whose wall clock is up to ten minutes off, either way: no two agree. */
export const startWorker = ({ site }: Place, dice: Dice): Promise<WorkerProcess> => site.start((dice(21) - 10) * 60_000);

/** A machine hangs, or its BMC loses packets, ignores requests, is dead, or is well again. */
export function breakSomething(place: Place, dice: Dice): void {
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

/** Whatever was broken of it works again; a machine that hangs does so until it is started anew. */
export function mend(place: Place, name: string): void {
  const { faults } = place.site.rack.host(name);
  Object.assign(faults, { loss: 0, bmcDead: false, slowOffMs: 0, refusesAlready: false });
  faults.ignores.clear();
}

/** One blow: most often a worker is killed; else all of them, a server of the store, a worker's clock, or a worker is stopped for longer than it is believed. */
export async function strike(place: Place, workers: WorkerProcess[], dice: Dice): Promise<void> {
  const { site, servers } = place;
  const at = dice(workers.length);
  const worker = workers[at] as WorkerProcess;
  const how = dice(12);
  const server = servers[dice(Math.max(1, servers.length))];
  if (how === 0 && server) {
    await server.kill();
    await sleep(dice(1500));
    await server.start();
  } else if (how <= 2) {
    await worker.signal("SIGSTOP");
    await site.rack.clock.sleep(stoppedFor(dice));
    await worker.signal("SIGCONT");
  } else if (how === 3) {
    await worker.signal("SIGUSR2");
  } else {
    const hit = how === 4 ? [...workers.keys()] : [at];
    await Promise.all(hit.map((one) => (workers[one] as WorkerProcess).signal("SIGKILL")));
    for (const one of hit) workers[one] = await startWorker(place, dice);
  }
}

/** Longer than the gate is open and a lease is believed; one time in four longer than anything is waited for after the power was switched, too. */
const stoppedFor = (dice: Dice): number => (dice(4) === 0 ? 130_000 : 20_000 + dice(30_000));
