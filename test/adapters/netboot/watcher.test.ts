import { expect, onTestFinished, test } from "vitest";
import { createArms, watchArms } from "#adapters/netboot/mod.ts";
import type { Arms } from "#adapters/netboot/port.ts";
import { createMemoryStore, createWorker, type RunSummary, runFinished } from "#events";
import { createFakeTime } from "#events/testing/mod.ts";
import { profile } from "./rig.ts";

type Status = RunSummary["status"];

/** Arms of some machines, each for a run of its own, and a watcher over them. */
async function watching(runs: Record<string, Status | undefined>, options: { arms?: (arms: Arms) => Arms } = {}) {
  const clock = createFakeTime().clock();
  const store = createMemoryStore({ clock });
  const notes: string[] = [];
  const { office } = createWorker({
    site: "test",
    store,
    clock,
    functions: [],
    ports: {},
    guards: [],
    log: { fact: () => undefined, note: (_, message) => notes.push(message) },
  });
  const arms = createArms({ kv: store.kv, clock });
  for (const run of Object.keys(runs)) await arms.arm(`on-${run}`, { run, profile, within: "24h" });
  const end = (run: string, machine: string | undefined = `on-${run}`) =>
    office.bus.publish(
      runFinished,
      { run, function: "rebuild", status: "failed", ...(machine !== undefined && { machine }) },
      { id: run, source: "test" },
    );
  const stop = await watchArms({
    arms: options.arms?.(arms) ?? arms,
    office,
    runs: { get: async (run) => (runs[run] === undefined ? undefined : ({ run, status: runs[run] } as RunSummary)) },
  });
  onTestFinished(async () => {
    await stop();
    clock.kill();
  });
  const states = async () => Object.fromEntries((await arms.all()).map(({ machine, state }) => [machine, state]));
  return { arms, clock, end, notes, runs, states };
}

test("arms of runs that have ended are taken back at the start, those of runs that work or wait are left", async () => {
  const { clock, states } = await watching({ over: "finished", gone: undefined, works: "running", asks: "asking", parked: "parked" });
  await clock.sleep(1000);
  expect(await states()).toEqual({
    "on-over": "disarmed",
    "on-gone": "disarmed",
    "on-works": "armed",
    "on-asks": "armed",
    "on-parked": "armed",
  });
});

test("an arm is taken back when its run's end is told, with the reason as evidence", async () => {
  const { arms, clock, end, states } = await watching({ works: "running", other: "running" });
  await clock.sleep(1000);
  await end("works");
  await clock.sleep(1000);
  expect(await states()).toEqual({ "on-works": "disarmed", "on-other": "armed" });
  expect((await arms.of("on-works"))?.evidence.at(-1)).toMatchObject({ stage: "disarmed", detail: "its run has ended" });
});

test("a configuration that was handed out and never proven is taken back too", async () => {
  const { arms, clock, end, states } = await watching({ works: "running" });
  const token = await arms.arm("taken", { run: "works", profile, within: "24h" });
  await arms.take(token, "10.0.0.9");
  await end("works", "taken");
  await clock.sleep(1000);
  expect(await states()).toMatchObject({ taken: "disarmed" });
});

test("the end of another run on the machine takes nothing back", async () => {
  const { clock, end, states } = await watching({ works: "running" });
  await end("another", "on-works");
  await end("works", "elsewhere");
  await clock.sleep(1000);
  expect(await states()).toEqual({ "on-works": "armed" });
});

test("an end that nobody told of is found by looking", async () => {
  const { clock, runs, states } = await watching({ works: "running" });
  await clock.sleep(1000);
  expect(await states()).toEqual({ "on-works": "armed" });
  runs.works = "finished";
  await clock.sleep(600_000);
  expect(await states()).toEqual({ "on-works": "disarmed" });
});

test("what a proven machine has consumed stays consumed", async () => {
  const { arms, clock, end, states } = await watching({ works: "running" });
  await arms.consume("on-works", "works", "boot id");
  await end("works");
  await clock.sleep(600_000);
  expect(await states()).toEqual({ "on-works": "consumed" });
});

test("a store that does not answer is told of, and tried again", async () => {
  let broken = true;
  const { clock, notes, states } = await watching(
    { over: "finished" },
    {
      arms: (arms) => ({
        ...arms,
        disarm: (...given) => (broken ? Promise.reject(new Error("no answer")) : arms.disarm(...given)),
      }),
    },
  );
  await clock.sleep(1000);
  expect(notes).toEqual(["on-over: the arm of run over, which has ended, could not be taken back: no answer"]);
  broken = false;
  await clock.sleep(600_000);
  expect(await states()).toEqual({ "on-over": "disarmed" });
});
