import { expect, onTestFinished, test } from "vitest";
import { watchCluster } from "#adapters/cluster/watcher.ts";
import { createMemoryStore, createWorker, type EventStore, type FunctionSpec, nodeLost, type RuntimeLog } from "#events";
import { createFakeTime, createFakeWorld, type FakeTime, type FakeWorld } from "#functions/testing/mod.ts";
import { toyFunction } from "#test/events/runtime/toy.ts";

const graceMs = 40_000;
const rack = ["gpu-01", "gpu-02", "gpu-03"];

/** Recovers nothing, but shows which rounds became runs; each takes ten minutes. */
const witness = (): FunctionSpec =>
  toyFunction(async ({ step }) => step.sleep("look busy", "10m"), { id: "node-lost", on: nodeLost as never, acts: [] });

interface Seen {
  readonly type: string;
  readonly id: string;
  readonly data: Record<string, unknown>;
}

async function watching(options: { time?: FakeTime; store?: EventStore; world?: FakeWorld; functions?: readonly FunctionSpec[] } = {}) {
  const time = options.time ?? createFakeTime();
  const clock = time.clock();
  const store = options.store ?? createMemoryStore({ clock });
  const world = options.world ?? createFakeWorld(clock, { machines: rack });
  const notes: string[] = [];
  const functions = options.functions ?? [witness()];
  const log: RuntimeLog = { fact: () => undefined, note: (_, message) => notes.push(message) };
  const worker = createWorker({ site: "test", store, clock, functions, ports: { box: undefined }, guards: [], log });
  await worker.start();
  const stop = await watchCluster({ cluster: world.ports.cluster, office: worker.office, runs: worker.runs, graceMs });
  onTestFinished(async () => {
    await stop();
    await worker.stop();
    clock.kill();
  });
  const events = async (type: string): Promise<Seen[]> =>
    (await store.log.read("events", ">")).map((record) => record.data as unknown as Seen).filter((event) => event.type === type);
  const lost = async () => (await events("node-lost")).map((event) => event.data.machine);
  return { time, clock, store, world, worker, office: worker.office, events, lost, notes, stop };
}

test("seen healthy and then gone for a whole grace is lost, once", async () => {
  const { clock, world, lost, events, office } = await watching();
  await clock.sleep(60_000);
  world.machine("gpu-02").pods = [
    { name: "train-0", owner: "StatefulSet/train" },
    { name: "lonely" },
    { name: "cni", daemonSet: true, owner: "DaemonSet/cni" },
  ];
  world.machine("gpu-02").hang();
  await clock.sleep(graceMs - 5000);
  expect(await lost()).toEqual([]);
  await clock.sleep(15_000);
  expect(await lost()).toEqual(["gpu-02"]);
  expect(await office.incidents.of("gpu-02")).toMatchObject({
    state: "open",
    round: 1,
    bootID: "gpu-02-boot-1",
    workloads: ["StatefulSet/train", "default/lonely"],
  });
  await clock.sleep(3_600_000);
  expect(await lost()).toEqual(["gpu-02"]);
  expect((await events("node-lost"))[0]?.data.reason).toBe("Node gpu-02 is Unknown and renewed no lease for 40 s");
});

test("its return closes the incident, and the next loss opens another", async () => {
  const { clock, world, lost, events, office } = await watching();
  await clock.sleep(60_000);
  const box = world.machine("gpu-02");
  box.isolate();
  await clock.sleep(60_000);
  const first = await office.incidents.of("gpu-02");
  box.isolate(false);
  await clock.sleep(30_000);
  expect(await office.incidents.of("gpu-02")).toMatchObject({ id: first?.id, state: "closed" });
  expect((await events("node-ready")).filter((event) => event.data.machine === "gpu-02")).toHaveLength(2);
  box.isolate();
  await clock.sleep(60_000);
  expect(await lost()).toEqual(["gpu-02", "gpu-02"]);
  expect((await office.incidents.of("gpu-02"))?.id).not.toBe(first?.id);
});

test("a node that only reports itself unready is sick, not lost", async () => {
  const { clock, world, lost, events } = await watching();
  await clock.sleep(60_000);
  world.machine("gpu-02").host.sick = "PLEG is not healthy";
  await clock.sleep(3_600_000);
  expect(await lost()).toEqual([]);
  expect((await events("node-sick")).map((event) => event.data)).toEqual([{ machine: "gpu-02", reason: "PLEG is not healthy" }]);
});

for (const sick of [undefined, "PLEG is not healthy"]) {
  test(`a stale lease alone loses no node that reports itself ${sick ? "unready" : "ready"}`, async () => {
    const { clock, world, lost } = await watching();
    await clock.sleep(60_000);
    Object.assign(world.machine("gpu-02").host, { leaseStuck: true, sick });
    await clock.sleep(600_000);
    expect(await lost()).toEqual([]);
  });
}

test("what was gone before the watch began is a baseline: listed, never recovered", async () => {
  const time = createFakeTime();
  const world = createFakeWorld(time.clock(), { machines: rack });
  world.machine("gpu-02").hang();
  await time.clock().sleep(120_000);
  const { clock, lost, events, notes } = await watching({ time, world });
  await clock.sleep(3_600_000);
  expect(await lost()).toEqual([]);
  expect((await events("node-lost-before")).map((event) => event.data.machine)).toEqual(["gpu-02"]);
  expect(notes.join()).toContain("it was lost before Lightsout watched: listed, not recovered");
});

test("baseline: what is meant to be off is not even listed", async () => {
  const time = createFakeTime();
  const clock = time.clock();
  const world = createFakeWorld(clock, { machines: rack });
  const store = createMemoryStore({ clock });
  world.machine("gpu-02").press("off");
  await clock.sleep(120_000);
  const { events, office } = await watching({ time, world, store });
  await office.ledger.change("gpu-02", (now) => ({ ...now, want: "off" }));
  await clock.sleep(600_000);
  expect(await events("node-lost-before")).toEqual([]);
});

test("an API that cannot be reached loses no node, and is told of once", async () => {
  const { clock, world, lost, events } = await watching();
  await clock.sleep(60_000);
  world.api.reachable = false;
  world.machine("gpu-02").hang();
  await clock.sleep(3_600_000);
  expect(await lost()).toEqual([]);
  world.api.reachable = true;
  await clock.sleep(graceMs - 5000);
  expect(await lost()).toEqual([]);
  await clock.sleep(10_000);
  expect(await lost()).toEqual(["gpu-02"]);
  expect((await events("cluster-seen")).map((event) => event.data.reachable)).toEqual([true, false, true]);
});

test("an API that comes and goes gives every node a whole grace each time", async () => {
  const { clock, world, lost } = await watching();
  await clock.sleep(60_000);
  world.machine("gpu-02").hang();
  for (let flap = 0; flap < 10; flap += 1) {
    await clock.sleep(graceMs - 10_000);
    world.api.reachable = false;
    await clock.sleep(5000);
    world.api.reachable = true;
  }
  expect(await lost()).toEqual([]);
});

test("a process that was stopped grants a new grace", async () => {
  const { clock, time, world, lost, notes } = await watching();
  await clock.sleep(60_000);
  world.machine("gpu-02").isolate();
  const other = time.clock();
  clock.stop();
  await other.sleep(600_000);
  world.machine("gpu-02").isolate(false);
  clock.resume();
  await other.sleep(graceMs + 20_000);
  expect(await lost()).toEqual([]);
  expect(notes.join()).toContain("this process was stopped: watching anew for one grace");
});

test("a process that was stopped still finds what is really lost, one grace later", async () => {
  const { clock, time, world, lost } = await watching();
  await clock.sleep(60_000);
  const other = time.clock();
  clock.stop();
  world.machine("gpu-02").hang();
  await other.sleep(600_000);
  clock.resume();
  await other.sleep(graceMs - 5000);
  expect(await lost()).toEqual([]);
  await other.sleep(15_000);
  expect(await lost()).toEqual(["gpu-02"]);
});

test("a wall clock that jumps grants a new grace", async () => {
  const { clock, world, lost, notes } = await watching();
  await clock.sleep(60_000);
  world.machine("gpu-02").hang();
  await clock.sleep(graceMs - 5000);
  const honest = clock.now.bind(clock);
  Object.assign(clock, { now: () => honest() + 3_600_000 });
  await clock.sleep(10_000);
  expect(await lost()).toEqual([]);
  expect(notes.join()).toContain("set to another time");
  await clock.sleep(graceMs);
  expect(await lost()).toEqual(["gpu-02"]);
});

test("a machine that the ledger wants off is not lost", async () => {
  const { clock, world, lost, office, notes } = await watching();
  await clock.sleep(60_000);
  await office.ledger.change("gpu-02", (now) => ({ ...now, want: "off", by: "alice", why: "maintenance" }));
  world.machine("gpu-02").press("off");
  await clock.sleep(3_600_000);
  expect(await lost()).toEqual([]);
  expect(await office.incidents.of("gpu-02")).toBeUndefined();
  expect(notes.filter((note) => note.includes("wants it off"))).toEqual(["gpu-02 is gone, and alice wants it off (maintenance): not lost"]);
});

test("a loss that the store did not take is told again, and logged once", async () => {
  const time = createFakeTime();
  const clock = time.clock();
  const store = createMemoryStore({ clock });
  let away = false;
  const { append } = store.log;
  Object.assign(store.log, {
    append: async (...args: Parameters<typeof append>) => {
      if (away) throw new Error("no quorum");
      return append(...args);
    },
  });
  const { world, lost, notes } = await watching({ time, store });
  await clock.sleep(60_000);
  away = true;
  world.machine("gpu-02").hang();
  await clock.sleep(120_000);
  expect(await lost()).toEqual([]);
  expect(notes.filter((note) => note.includes("no quorum"))).toHaveLength(1);
  away = false;
  await clock.sleep(5000);
  expect(await lost()).toEqual(["gpu-02"]);
});

test("two watchers at once: one incident, one event, one run", async () => {
  const time = createFakeTime();
  const clock = time.clock();
  const store = createMemoryStore({ clock });
  const world = createFakeWorld(clock, { machines: rack });
  const first = await watching({ time, store, world });
  await clock.sleep(7000);
  await watching({ time, store, world });
  await clock.sleep(60_000);
  world.machine("gpu-02").hang();
  await clock.sleep(600_000);
  expect(await first.lost()).toEqual(["gpu-02"]);
  expect((await first.worker.runs.all()).filter((run) => run.key === "gpu-02")).toHaveLength(1);
  expect(await first.office.incidents.all()).toHaveLength(1);
});

test("a watcher that starts begins the next round of an open incident, two that start together begin one", async () => {
  const time = createFakeTime();
  const clock = time.clock();
  const store = createMemoryStore({ clock });
  const world = createFakeWorld(clock, { machines: rack });
  const first = await watching({ time, store, world });
  await clock.sleep(60_000);
  world.machine("gpu-02").hang();
  await clock.sleep(800_000);
  expect(await first.lost()).toHaveLength(1);
  await Promise.all([watching({ time, store, world }), watching({ time, store, world })]);
  await clock.sleep(600_000);
  expect((await first.events("node-lost")).map((event) => event.data.round)).toEqual([1, 2]);
  expect((await first.worker.runs.all()).filter((run) => run.key === "gpu-02")).toHaveLength(2);
});

test("a watcher that starts closes the incident of a machine that has come back meanwhile", async () => {
  const time = createFakeTime();
  const clock = time.clock();
  const store = createMemoryStore({ clock });
  const world = createFakeWorld(clock, { machines: rack });
  const first = await watching({ time, store, world });
  await clock.sleep(60_000);
  await first.office.incidents.open("gpu-03", "lost while nobody watched", clock.now());
  const second = await watching({ time, store, world });
  await clock.sleep(60_000);
  expect(await second.office.incidents.of("gpu-03")).toMatchObject({ state: "closed" });
  expect(await second.lost()).toEqual([]);
});

test("a Node of no machine of ours concerns nobody", async () => {
  const time = createFakeTime();
  const clock = time.clock();
  const world = createFakeWorld(clock, { machines: rack });
  const { watch } = world.ports.cluster;
  Object.assign(world.ports.cluster, {
    watch: (onChange: Parameters<typeof watch>[0]) =>
      watch((picture) => onChange({ ...picture, nodes: picture.nodes.map(({ machine: _, ...node }) => node) })),
  });
  const { lost, events } = await watching({ time, world });
  await clock.sleep(60_000);
  world.machine("gpu-02").hang();
  await clock.sleep(600_000);
  expect([...(await lost()), ...(await events("node-ready")), ...(await events("node-lost-before"))]).toEqual([]);
});

test("what goes while a run holds its machine is that run's doing; if it stays gone, it is lost when the run lets go", async () => {
  const { clock, world, lost, office } = await watching();
  await clock.sleep(60_000);
  await office.claims.take("gpu-02", { run: "r1", function: "power-cycle", subject: "power-cycle.r1" });
  world.machine("gpu-02").hang();
  await clock.sleep(600_000);
  expect(await lost()).toEqual([]);
  await office.claims.release("gpu-02", "r1");
  await clock.sleep(5000);
  expect(await lost()).toEqual(["gpu-02"]);
});

test("a return that the store did not take is told again: its incident does not stay open", async () => {
  const time = createFakeTime();
  const store = createMemoryStore({ clock: time.clock() });
  let away = false;
  const { append } = store.log;
  Object.assign(store.log, {
    append: (...given: Parameters<typeof append>) => (away && given[0] === "events" ? Promise.reject(new Error("away")) : append(...given)),
  });
  const { clock, world, office } = await watching({ time, store });
  await clock.sleep(60_000);
  world.machine("gpu-02").isolate();
  await clock.sleep(60_000);
  away = true;
  world.machine("gpu-02").isolate(false);
  await clock.sleep(30_000);
  expect(await office.incidents.of("gpu-02")).toMatchObject({ state: "open" });
  away = false;
  await clock.sleep(10_000);
  expect(await office.incidents.of("gpu-02")).toMatchObject({ state: "closed" });
});

/** Recovers nothing, but holds its machine as a recovery does. */
const holding = (): FunctionSpec =>
  toyFunction(async ({ step }) => step.sleep("recover", "10m"), { id: "node-lost", on: nodeLost as never });

test("a recovery that another program asked for hides no loss: its incident opens, and no second run begins", async () => {
  const { clock, world, worker, office } = await watching({ functions: [holding()] });
  await clock.sleep(60_000);
  await worker.accept({ type: "node-lost", data: { machine: "gpu-02" }, origin: "external", source: "monitoring" });
  world.machine("gpu-02").hang();
  await clock.sleep(60_000);
  expect(await office.incidents.of("gpu-02")).toMatchObject({ state: "open", round: 1 });
  await clock.sleep(900_000);
  expect(await worker.runs.all()).toHaveLength(1);
});

for (const [what, functions, gone] of [
  ["is over", [witness()], 900_000],
  ["is under way", [holding()], 400_000],
] as const) {
  test(`a machine that goes again before its return was written down gets the next round of its incident: its recovery ${what}`, async () => {
    const time = createFakeTime();
    const store = createMemoryStore({ clock: time.clock() });
    let away = false;
    const { append } = store.log;
    Object.assign(store.log, {
      append: (...given: Parameters<typeof append>) =>
        away && given[0] === "events" ? Promise.reject(new Error("away")) : append(...given),
    });
    const { clock, world, events, worker } = await watching({ time, store, functions });
    await clock.sleep(60_000);
    world.machine("gpu-02").isolate();
    await clock.sleep(gone);
    away = true;
    world.machine("gpu-02").isolate(false);
    await clock.sleep(30_000);
    world.machine("gpu-02").isolate();
    await clock.sleep(60_000);
    away = false;
    await clock.sleep(10_000 + 900_000 - gone);
    expect((await events("node-lost")).map((event) => event.data.round)).toEqual([1, 2]);
    expect(await worker.runs.all()).toHaveLength(2);
  });
}

test("holds on Nodes are kept as they are seen, also by the next process, and anew after a release while the cluster was away", async () => {
  const first = await watching();
  const { world, clock, office, store, time, worker } = first;
  const { node } = world.machine("gpu-02");
  node.hold = { reason: "fans", until: "2026-02-01T00:00:00Z" };
  await clock.sleep(5000);
  expect(await office.settings.nodeHold("gpu-02")).toEqual(node.hold);
  expect(await office.settings.nodeHold("gpu-01")).toBeUndefined();

  world.api.reachable = false;
  await clock.sleep(5000);
  await worker.accept({ type: "hold-released", data: { scope: "machine", name: "gpu-02" }, origin: "operator", source: "test" });
  expect(await office.settings.nodeHold("gpu-02")).toBeUndefined();
  world.api.reachable = true;
  await clock.sleep(5000);
  expect(await office.settings.nodeHold("gpu-02")).toEqual(node.hold);

  await first.stop();
  node.hold = undefined;
  await watching({ time, store, world });
  await clock.sleep(5000);
  expect(await office.settings.nodeHold("gpu-02")).toBeUndefined();
});
