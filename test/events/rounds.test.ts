import { expect, onTestFinished, test } from "vitest";
import { createMemoryStore, createWorker, type EventStore, emitRound, type FunctionSpec, nextRounds, nodeLost, startRounds } from "#events";
import { createFakeTime } from "#events/testing/mod.ts";
import { toyFunction } from "./runtime/toy.ts";

const recovery = (): FunctionSpec =>
  toyFunction(async ({ step }) => step.sleep("recover", "10m"), { id: "recover", on: nodeLost as never, acts: [] });

async function rig(workers = 1) {
  const time = createFakeTime();
  const clock = time.clock();
  onTestFinished(() => clock.kill());
  const store: EventStore = createMemoryStore({ clock });
  const all = await Promise.all(
    Array.from({ length: workers }, async () => {
      const worker = createWorker({ site: "test", store, clock, functions: [recovery()], ports: { box: undefined }, guards: [] });
      await worker.start();
      const stop = await startRounds(worker.office, worker.runs);
      onTestFinished(async () => {
        await stop();
        await worker.stop();
      });
      return worker;
    }),
  );
  const [worker] = all;
  if (!worker) throw new Error("no worker");
  const { office, runs } = worker;
  const rounds = async () =>
    (await store.log.read("events", ">"))
      .map((record) => record.data as unknown as { type: string; data: { round?: number } })
      .filter((event) => event.type === "node-lost")
      .map((event) => event.data.round);
  const say = (type: string, data: unknown) => worker.accept({ type, data, origin: "operator", source: "test", actor: "alice" });
  const lose = async (machine = "m1") => {
    const incident = await office.incidents.open(machine, "lost", clock.now());
    await emitRound(office, incident);
    return incident;
  };
  return { clock, store, worker, office, runs, rounds, say, lose, all };
}

const finished = 700_000;

for (const [type, data] of [
  ["hold-released", { scope: "machine", name: "m1" }],
  ["freeze-released", {}],
  ["trust-changed", { scope: "pool", name: "workers", trust: "auto" }],
] as const) {
  test(`promise 3: ${type} begins the next round of an open incident that no run works on`, async () => {
    const { clock, rounds, say, lose, runs } = await rig();
    await lose();
    await clock.sleep(finished);
    await say(type, data);
    await clock.sleep(5000);
    expect(await rounds()).toEqual([1, 2]);
    expect(await runs.all()).toHaveLength(2);
  });
}

test("promise 3: no round while a run works on the incident, whatever ends", async () => {
  const { clock, rounds, say, lose } = await rig();
  await lose();
  await clock.sleep(60_000);
  await say("freeze-released", {});
  await say("hold-released", { scope: "all", name: "all" });
  await clock.sleep(5000);
  expect(await rounds()).toEqual([1]);
});

test("promise 3: a closed incident has no more rounds", async () => {
  const { clock, rounds, say, lose, office } = await rig();
  await lose();
  await clock.sleep(finished);
  await office.incidents.close("m1", clock.now());
  await say("freeze-released", {});
  await clock.sleep(5000);
  expect(await rounds()).toEqual([1]);
});

test("promise 3: the end of a recovery begins no other, the end of another function's run does", async () => {
  const { clock, rounds, lose, office } = await rig();
  await lose();
  await clock.sleep(finished);
  expect(await rounds()).toEqual([1]);
  const { runFinished } = await import("#events");
  await office.bus.publish(runFinished, { run: "r", function: "power-cycle", machine: "m1", status: "ok" }, { id: "x", source: "test" });
  await clock.sleep(5000);
  expect(await rounds()).toEqual([1, 2]);
});

test("promise 3: many workers that hear of the same release begin one round", async () => {
  const { clock, rounds, say, lose, runs } = await rig(4);
  await lose("m1");
  await lose("m2");
  await clock.sleep(finished);
  await say("freeze-released", {});
  await clock.sleep(60_000);
  expect((await rounds()).sort()).toEqual([1, 1, 2, 2]);
  expect(await runs.all()).toHaveLength(4);
});

test("promise 3: a round whose teller died before it was emitted is told again, not skipped", async () => {
  const { clock, rounds, lose, office, runs } = await rig();
  await lose();
  await clock.sleep(finished);
  await office.incidents.nextRound("m1");
  await nextRounds(office, runs);
  await clock.sleep(5000);
  expect(await rounds()).toEqual([1, 2]);
});

test("promise 3: a round that was told twice is one run, also hours apart", async () => {
  const { clock, lose, office, runs } = await rig();
  const incident = await lose();
  await emitRound(office, incident);
  await clock.sleep(5 * 3_600_000);
  await emitRound(office, incident);
  await clock.sleep(60_000);
  expect(await runs.all()).toHaveLength(1);
});
