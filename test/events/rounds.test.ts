import { expect, onTestFinished, test } from "vitest";
import {
  type Act,
  clusterSeen,
  createMemoryStore,
  createWorker,
  DeniedError,
  type EventStore,
  emitRound,
  type FunctionSpec,
  nextRounds,
  nodeLost,
  RefusedError,
  runFinished,
  startRounds,
  TerminalError,
} from "#events";
import { createFakeTime } from "#events/testing/mod.ts";
import { toyFunction } from "./runtime/toy.ts";

const recovery = (): FunctionSpec =>
  toyFunction(async ({ step }) => step.sleep("recover", "10m"), { id: "recover", on: nodeLost as never, acts: [] });

async function rig(workers = 1, functions: readonly FunctionSpec[] = [recovery()]) {
  const time = createFakeTime();
  const clock = time.clock();
  onTestFinished(() => clock.kill());
  const store: EventStore = createMemoryStore({ clock });
  const all = await Promise.all(
    Array.from({ length: workers }, async () => {
      const worker = createWorker({ site: "test", store, clock, functions, ports: { box: undefined }, guards: [] });
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

/** A recovery that ends at once, as it is told. */
const ending = (how: () => Promise<void> | void): FunctionSpec =>
  toyFunction(async ({ step }) => step.run("look", async () => how(), { attempts: 1 }), { id: "recover", on: nodeLost as never });

const minutes = (count: number) => count * 60_000;

const fail = (): never => {
  throw new TerminalError("the kubelet still answers");
};

test("promise 3: what ends unheard is found: a round that did nothing is tried again, ever more rarely", async () => {
  const { clock, rounds, lose } = await rig(3, [ending(fail)]);
  await lose();
  await clock.sleep(minutes(4));
  expect(await rounds()).toEqual([1]);
  await clock.sleep(minutes(2));
  expect(await rounds()).toEqual([1, 2]);
  await clock.sleep(minutes(8));
  expect(await rounds()).toEqual([1, 2]);
  await clock.sleep(minutes(2));
  expect(await rounds()).toEqual([1, 2, 3]);
  await clock.sleep(minutes(20));
  const before = (await rounds()).length;
  await clock.sleep(minutes(360));
  expect((await rounds()).length - before).toBe(12);
});

test("promise 3: a refused round is tried again", async () => {
  const refuse = () => {
    throw new RefusedError("held until noon");
  };
  const { clock, rounds, lose } = await rig(1, [ending(refuse)]);
  await lose();
  await clock.sleep(minutes(11));
  expect(await rounds()).toEqual([1, 2]);
});

test("promise 3: what a person refused waits for a person", async () => {
  const deny = () => {
    throw new DeniedError("refused by alice");
  };
  const { clock, rounds, lose, say } = await rig(1, [ending(deny)]);
  await lose();
  await clock.sleep(minutes(300));
  expect(await rounds()).toEqual([1]);
  await say("trust-changed", { scope: "machine", name: "m1", trust: "auto" });
  await clock.sleep(5000);
  expect(await rounds()).toEqual([1, 2]);
});

test("promise 3: a round that acted on its machine is not tried again unasked", async () => {
  let off = false;
  const act: Act = {
    machine: "m1",
    verb: "force-off",
    observe: async () => ({ is: off ? "done" : "not-done", seen: off ? "off" : "on" }),
    async perform(permit) {
      permit.gate();
      off = true;
      return "204";
    },
    settle: "30s",
    undo: "turn it on by hand",
  };
  const acted = toyFunction(
    async ({ step }) => {
      await step.act("off", act);
      fail();
    },
    { id: "recover", on: nodeLost as never },
  );
  const { clock, rounds, lose, runs } = await rig(1, [acted]);
  await lose();
  await clock.sleep(minutes(300));
  expect((await runs.all())[0]?.reason).toContain("still answers");
  expect(await rounds()).toEqual([1]);
});

test("promise 3: a cluster that can be read again is a reason to look, a flapping one is not many", async () => {
  const { clock, rounds, lose, office } = await rig(1, [ending(fail)]);
  await clock.sleep(minutes(4));
  await lose();
  await clock.sleep(minutes(5.5));
  for (let flap = 0; flap < 20; flap += 1) {
    await office.bus.publish(clusterSeen, { reachable: flap % 2 === 0, detail: "" }, { id: `seen ${flap}`, source: "test" });
    await clock.sleep(1000);
  }
  // Its own look, every five minutes, comes half a minute later.
  expect(await rounds()).toEqual([1, 2]);
});

test("promise 3: a machine meant to be off, or quarantined, has no more rounds, whatever ends", async () => {
  const { clock, rounds, lose, office, say } = await rig(1, [ending(fail)]);
  await lose("m1");
  await lose("m2");
  await office.ledger.change("m1", (now) => ({ ...now, want: "off" }));
  await office.ledger.change("m2", (now) => ({ ...now, quarantine: { reason: "used up", run: "r", since: "now" } }));
  await clock.sleep(60_000);
  await say("freeze-released", {});
  for (const machine of ["m1", "m2"]) {
    const said = { run: `r-${machine}`, function: "power-off", machine, status: "ok" } as const;
    await office.bus.publish(runFinished, said, { id: said.run, source: "test" });
  }
  await clock.sleep(minutes(300));
  expect(await rounds()).toEqual([1, 1]);
  await say("hold-released", { scope: "machine", name: "m2" });
  await clock.sleep(5000);
  expect(await rounds()).toEqual([1, 1, 2]);
});

test("promise 3: another function's end on one machine concerns no other machine's incident", async () => {
  const { clock, rounds, lose, office } = await rig();
  await lose("m1");
  await clock.sleep(finished);
  await office.bus.publish(runFinished, { run: "r", function: "power-cycle", machine: "m2", status: "ok" }, { id: "x", source: "test" });
  await clock.sleep(5000);
  expect(await rounds()).toEqual([1]);
});

test("promise 3: what was stopped looks no more", async () => {
  const time = createFakeTime();
  const clock = time.clock();
  onTestFinished(() => clock.kill());
  const store = createMemoryStore({ clock });
  const worker = createWorker({ site: "test", store, clock, functions: [ending(fail)], ports: { box: undefined }, guards: [] });
  await worker.start();
  onTestFinished(() => worker.stop());
  const stop = await startRounds(worker.office, worker.runs);
  await emitRound(worker.office, await worker.office.incidents.open("m1", "lost", clock.now()));
  await clock.sleep(60_000);
  await stop();
  await clock.sleep(minutes(300));
  expect(await worker.runs.all()).toHaveLength(1);
});

test("promise 3: a loss seen while another program's recovery ran gets its round when that ended well, and one is enough", async () => {
  const well = toyFunction(async ({ step }) => step.sleep("recover", "10m"), { id: "recover", on: nodeLost as never });
  const { clock, rounds, worker, runs, office } = await rig(1, [well]);
  await worker.accept({ type: "node-lost", data: { machine: "m1" }, origin: "external", source: "monitoring" });
  await clock.sleep(60_000);
  await office.incidents.open("m1", "lost", clock.now());
  await clock.sleep(minutes(14));
  expect(await rounds()).toEqual([undefined]);
  await clock.sleep(minutes(300));
  expect(await rounds()).toEqual([undefined, 1]);
  expect(await runs.all()).toHaveLength(2);
});
