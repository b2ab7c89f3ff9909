import { onTestFinished } from "vitest";
import { watchCluster } from "#adapters/cluster/watcher.ts";
import {
  createMemoryStore,
  createWorker,
  type Entry,
  type EventDefinition,
  type FunctionSpec,
  type Guard,
  type Office,
  type RunSummary,
  readJournal,
  startRounds,
  type Worker,
} from "#events";
import { createLedger } from "#events/ledger.ts";
import { createRuns } from "#events/runs.ts";
import { createSettings } from "#events/settings.ts";
import type { Ports } from "#functions/define.ts";
import { createDrills } from "#functions/drills.ts";
import { createErrands } from "#functions/errands.ts";
import { createGuards } from "#functions/guards/mod.ts";
import { createHistory } from "#functions/history.ts";
import nodeLost from "#functions/node-lost.ts";
import powerCycle from "#functions/power-cycle.ts";
import powerOff from "#functions/power-off.ts";
import powerOn from "#functions/power-on.ts";
import { precedence } from "#functions/precedence.ts";
import { createStanding } from "#functions/standing.ts";
import {
  createFakeTime,
  createFakeWorld,
  type FakeClock,
  type FakeWorld,
  type FakeWorldOptions,
  line,
  nothingDone,
} from "#functions/testing/mod.ts";

/** All guards over a fake world, as the composition root makes them. */
export const guardsOf = (
  office: Office,
  world: { readonly ports: Ports },
  stopFile: () => string | undefined = () => undefined,
  drills = false,
): Guard[] =>
  createGuards({
    drills,
    office,
    runs: createRuns(office.store),
    ports: world.ports,
    stopFile,
    storm: { share: 0.2, windowMs: 600_000, cooldownMs: 600_000 },
  });

const builtin: readonly FunctionSpec[] = [nodeLost, powerOn, powerOff, powerCycle];

export interface Rig {
  readonly world: FakeWorld;
  readonly clock: FakeClock;
  readonly worker: Worker;
  readonly office: Office;
  /** Set to a path to have a STOP file. */
  stopFile: string | undefined;
  /** An operator's word; answers the first run it starts. */
  say(type: string, data: unknown, how?: { actor?: string; id?: string; origin?: "operator" | "external" }): Promise<string>;
  summary(run: string): Promise<RunSummary | undefined>;
  journal(run: string): Promise<readonly Entry[]>;
  lines(run: string): Promise<readonly string[]>;
  /** Waits until the run has ended or parked; answers the status, or `parked`. */
  ended(run: string): Promise<string>;
  /** Waits until `met`; throws after an hour of fake time (or `withinMs`). */
  until(what: string, met: () => Promise<unknown> | unknown, withinMs?: number): Promise<void>;
  /** Answers the run's open question. */
  answer(run: string, approve: boolean, actor?: string): Promise<void>;
  runsOf(machine: string): Promise<readonly RunSummary[]>;
  /** For a test of many rigs; the end of the test stops what is left. */
  stop(): Promise<void>;
}

/** A whole Lightsout with fake ports under fake time: every built-in function and every guard. */
export async function startRig(
  options: FakeWorldOptions & { watch?: boolean; drills?: boolean; functions?: readonly FunctionSpec[] },
): Promise<Rig> {
  const time = createFakeTime();
  const clock = time.clock();
  const store = createMemoryStore({ clock });
  const world = createFakeWorld(clock, options);
  const { functions = builtin } = options;
  const functionOf = ({ type }: EventDefinition): string => {
    const found = functions.find((spec) => spec.on.type === type);
    if (found) return found.id;
    throw new Error(`no function of this rig works on ${type}`);
  };
  const settings = createSettings(store);
  const drills = createDrills(settings, clock);
  const standing = createStanding({ settings, ledger: createLedger(store), inventory: world.ports.inventory, now: () => clock.now() });
  const ports: Ports = {
    ...world.ports,
    drills,
    standing,
    history: createHistory(store),
    errands: createErrands({ site: "test", runs: createRuns(store), store, functionOf }),
  };
  const guards: Guard[] = [];
  const worker = createWorker({
    site: "test",
    store,
    clock,
    functions,
    ports: { ...ports },
    guards,
    precedence,
  });
  const { office, runs } = worker;
  guards.push(...guardsOf(office, { ports }, () => rig.stopFile, options.drills));
  await worker.start();
  const stops: (() => void | Promise<void>)[] = [await startRounds(office, runs)];
  if (options.watch) stops.push(await watchCluster({ cluster: world.ports.cluster, office, runs, graceMs: 40_000 }));
  stops.push(
    () => worker.stop(),
    () => clock.kill(),
  );
  const stop = async () => {
    for (const each of stops.splice(0)) await each();
  };
  onTestFinished(stop);

  const find = async (run: string) => runs.get(run);
  const rig: Rig = {
    world,
    clock,
    worker,
    office,
    stopFile: undefined,
    async say(type, data, { actor = "alice", id, origin = "operator" } = {}) {
      const accepted = await worker.accept({
        type,
        data,
        origin,
        source: "test",
        ...(origin === "operator" ? { actor } : {}),
        ...(id === undefined ? {} : { id }),
      });
      return accepted.runs[0] ?? "";
    },
    summary: find,
    async journal(run) {
      const summary = await find(run);
      return summary ? (await readJournal(store, summary.subject)).entries : [];
    },
    lines: async (run) => (await rig.journal(run)).map(line),
    async ended(run) {
      const done = async () => ["parked", "finished"].includes((await find(run))?.status ?? "");
      await rig.until(`run ${run} ends`, done, 3 * 86_400_000);
      const last = (await rig.journal(run)).at(-1);
      return last?.is === "finished" ? last.status : "parked";
    },
    async until(what, met, withinMs = 3_600_000) {
      for (const end = clock.mono() + withinMs; !(await met()); await clock.sleep(1000)) {
        if (clock.mono() > end) throw new Error(`not in ${withinMs} ms: ${what}`);
      }
    },
    async answer(run, approve, actor = "alice") {
      await rig.until("a question", async () => (await find(run))?.status === "asking", 2 * 86_400_000);
      const asked = (await rig.journal(run)).findLast((entry) => entry.is === "asked");
      if (asked?.is !== "asked") throw new Error(`run ${run} asks nothing`);
      const { step, nonce, digest } = asked;
      await rig.say("approval-decided", { run, step, nonce, digest, approve }, { actor });
    },
    stop,
    runsOf: async (machine) =>
      (await runs.all()).filter((summary) => summary.key === machine).toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1)),
  };
  return rig;
}

/** Ten workers. */
export const rack: readonly string[] = Array.from({ length: 10 }, (_, index) => `gpu-${String(index + 1).padStart(2, "0")}`);

/** A machine to which nothing was done. */
export const untouched = nothingDone();

/** Lightsout itself saw it healthy and then saw it go, as the watcher writes it down; an earlier loss had ended. */
export async function seenToGo({ office, clock }: Rig, machine = "gpu-02"): Promise<void> {
  await office.incidents.close(machine, clock.now());
  await office.incidents.open(machine, "seen to go", clock.now());
}

/** It hangs, and after a minute somebody says so; answers the run. */
export async function lost(rig: Rig, machine = "gpu-02"): Promise<string> {
  rig.world.machine(machine).hang();
  await rig.clock.sleep(60_000);
  await seenToGo(rig, machine);
  return rig.say("node-lost", { machine }, { origin: "external" });
}

/** The newest line of the run's journal. */
export const lastOf = async (rig: Rig, run: string) => (await rig.lines(run)).at(-1);

/** Waits until lists show this reason for the run. */
export const shows = (rig: Rig, run: string, reason: string) =>
  rig.until(`it shows ${reason}`, async () => (await rig.summary(run))?.reason.includes(reason));
