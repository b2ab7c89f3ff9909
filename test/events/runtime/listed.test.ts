import { expect, test } from "vitest";
import { createMemoryStore, type EventStore, type Json, journalSubject, type Permit, type RunSummary } from "#events";
import { crashEverywhere } from "#events/testing/mod.ts";
import { createRig, storeThrough } from "./rig.ts";
import { pressed, toyFunction, turn } from "./toy.ts";

const quick = toyFunction(async ({ step }) => void (await step.run("quick", () => 1)), { acts: [] });

/** A function that acts on nothing and works for ten minutes at one step. */
const long = (sleep: (ms: number) => Promise<void>, did: string[]) =>
  toyFunction(
    async ({ step }) => {
      const work = () => {
        did.push("begun");
        return sleep(600_000);
      };
      await step.run("long", work, { timeout: "1h" });
    },
    { acts: [] },
  );

/** A rig that notes what is written into the index, and whose store can be told to write nothing there. */
function createListedRig() {
  const written: RunSummary[] = [];
  const refuses = { runs: false };
  const rig = createRig({
    wrap: (store) =>
      storeThrough(store, async (call, data, work) => {
        if (call !== "put runs") return work();
        if (refuses.runs) throw new Error("no room");
        written.push(data as unknown as RunSummary);
        return work();
      }),
  });
  return { rig, written, refuses };
}

const statuses = (written: readonly RunSummary[]) => written.map(({ status }) => status);

test("a run that acts on nothing and is quick is written into the index once: when it has ended", async () => {
  const { rig, written } = createListedRig();
  await rig.spawn({ functions: [quick] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(quick, id, "finished ok");
  await rig.clock.sleep(60_000);
  expect(statuses(written)).toEqual(["finished"]);
});

test("a run that acts stands in the index before it does anything: guards look there", async () => {
  const { rig, written } = createListedRig();
  const seen: string[][] = [];
  const off = toyFunction(async ({ step, ports }) => {
    const perform = async (permit: Permit) => {
      seen.push(statuses(written));
      return ports.box.press(permit);
    };
    await step.act("off", turn(ports.box, "off", { perform }));
  });
  await rig.spawn({ functions: [off] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(off, id, "finished ok");
  expect(seen[0]?.[0]).toBe("queued");
});

test("one that is not quick is told of within half a second, and only then is its event settled", async () => {
  const { rig, written } = createListedRig();
  const did: string[] = [];
  const spec = long(rig.clock.sleep, did);
  const first = await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(spec, id, "started");
  expect(written).toEqual([]);
  await rig.clock.sleep(600);
  expect(written).toMatchObject([{ status: "running", reason: "long", step: "long" }]);
  first.kill();
  await rig.spawn({ functions: [spec] });
  await rig.untilLine(spec, id, "finished ok");
  expect(did).toEqual(["begun", "begun"]);
});

test("a function that is not quick does not hold up another that listens to the same event", async () => {
  const { rig } = createListedRig();
  const first = long(rig.clock.sleep, []);
  const off = toyFunction(async ({ step, ports }) => void (await step.act("off", turn(ports.box, "off"))), { id: "second" });
  await rig.spawn({ functions: [first, off] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(first, id, "started");
  expect(await rig.lines(off, id)).toContain("started second for box");
});

test("a worker that dies before it told of a run leaves its event, and another finds the run by that", async () => {
  const { rig } = createListedRig();
  const did: string[] = [];
  const spec = long(rig.clock.sleep, did);
  const lives = [await rig.spawn({ functions: [spec] }), await rig.spawn({ functions: [spec] })];
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(spec, id, "started");
  const [started] = await rig.entries(spec, id);
  lives.find(({ worker }) => worker.office.worker() === started?.by)?.kill();
  const died = rig.clock.mono();
  await rig.untilLine(spec, id, "fenced");
  expect(rig.clock.mono() - died).toBeLessThan(30_000);
  await rig.untilLine(spec, id, "finished ok");
  expect(did).toEqual(["begun", "begun"]);
  expect((await rig.lines(spec, id)).filter((line) => line.startsWith("started"))).toHaveLength(1);
});

test("an event that comes again long after the worker died that had begun its run", async () => {
  const { rig } = createListedRig();
  const ended = createRig();
  await ended.spawn({ functions: [quick] });
  const id = await ended.send(pressed, { machine: "box" });
  await ended.untilLine(quick, id, "finished ok");
  const [started] = await ended.entries(quick, id);
  await rig.spawn({ functions: [quick] });
  await rig.clock.sleep(20_000);
  await rig.store.log.append("journal", journalSubject(quick.id, rig.run(quick, id)), {
    ...started,
    by: "died long ago",
  } as unknown as Json);
  const before = rig.clock.mono();
  await rig.send(pressed, { machine: "box" }, { id });
  await rig.untilLine(quick, id, "finished ok");
  expect(rig.clock.mono() - before).toBeLessThan(6000);
  expect(await rig.lines(quick, id)).toEqual(["started toy for box", "fenced", 'done "quick" 1', "finished ok"]);
});

for (const how of ["crash", "stop"] as const) {
  test(`a quick run that acts on nothing ends once and stands in the index, whatever happens to its worker (${how})`, async () => {
    const stores: EventStore[] = [];
    const histories = await crashEverywhere(
      quick,
      {
        world: () => ({}),
        ports: () => ({}),
        data: { machine: "box" },
        store(clock) {
          const store = createMemoryStore({ clock });
          stores.push(store);
          return store;
        },
      },
      ({ status, journal }) => {
        expect(status).toBe("ok");
        expect(journal.filter(({ is }) => is === "done")).toHaveLength(1);
      },
      { how },
    );
    expect(histories.length).toBeGreaterThan(8);
    for (const { log, kv } of stores) {
      expect(await log.read("events", "std.run-finished.>")).toHaveLength(1);
      expect((await kv.list("runs")).map((entry) => (entry.value as { status: string }).status)).toEqual(["finished"]);
    }
  });
}

test("a worker that dies between the end of such a run and what follows it: another one sees to that", async () => {
  let dying = true;
  const rig = createRig({
    wrap: (store) =>
      storeThrough(store, (call, data, work) => {
        const told = call === "append events" && (data as { type?: string }).type === "run-finished";
        return told && dying ? new Promise(() => undefined) : work();
      }),
  });
  const lives = [await rig.spawn({ functions: [quick] }), await rig.spawn({ functions: [quick] })];
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(quick, id, "finished ok");
  dying = false;
  const [started] = await rig.entries(quick, id);
  const [owner, other] = lives.toSorted((a) => (a.worker.office.worker() === started?.by ? -1 : 1));
  owner?.kill();
  await rig.until(async () => (await other?.worker.runs.get(rig.run(quick, id)))?.status === "finished");
  expect(await rig.store.log.read("events", "std.run-finished.>")).toHaveLength(1);
});

test("an index that takes nothing holds no run up, and forgets none", async () => {
  const { rig, written, refuses } = createListedRig();
  refuses.runs = true;
  const { worker } = await rig.spawn({ functions: [quick] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(quick, id, "finished ok");
  await rig.clock.sleep(10_000);
  refuses.runs = false;
  await rig.until(async () => (await worker.runs.get(rig.run(quick, id)))?.status === "finished");
  expect(statuses(written).at(-1)).toBe("finished");
});

test("one that could not be told of when it should have been is told of while it works", async () => {
  const { rig, written, refuses } = createListedRig();
  const spec = long(rig.clock.sleep, []);
  refuses.runs = true;
  await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(spec, id, "started");
  await rig.clock.sleep(5000);
  refuses.runs = false;
  await rig.clock.sleep(30_000);
  expect(written).toHaveLength(1);
});

test("how a run ended is told when the index could not be written at that moment, and its end only once", async () => {
  let fails = 3;
  const rig = createRig({
    wrap: (store) =>
      storeThrough(store, async (call, data, work) => {
        if (call === "put runs" && (data as { status?: string }).status === "finished" && fails-- > 0) throw new Error("no room");
        return work();
      }),
  });
  const off = toyFunction(async ({ step, ports }) => void (await step.act("off", turn(ports.box, "off"))));
  const { worker } = await rig.spawn({ functions: [off] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(off, id, "finished ok");
  await rig.clock.sleep(5000);
  expect((await worker.runs.get(rig.run(off, id)))?.status).toBe("finished");
  await rig.clock.sleep(600_000);
  expect(await rig.store.log.read("events", "std.run-finished.>")).toHaveLength(1);
});

for (const fails of ["before it is written", "after it was written"] as const) {
  test(`a run that acts begins soon although its first index entry fails ${fails}, with two workers`, async () => {
    let failing = true;
    const rig = createRig({
      wrap: (store) =>
        storeThrough(store, async (call, _, work) => {
          if (call !== "put runs" || !failing) return work();
          failing = false;
          if (fails === "after it was written") await work();
          throw new Error("no answer");
        }),
    });
    const off = toyFunction(async ({ step, ports }) => void (await step.act("off", turn(ports.box, "off"))));
    for (const _ of ["one", "two"]) await rig.spawn({ functions: [off] });
    const id = await rig.send(pressed, { machine: "box" });
    const before = rig.clock.mono();
    await rig.untilLine(off, id, "finished ok");
    expect(rig.clock.mono() - before).toBeLessThan(20_000);
    expect(rig.box.did.off).toBe(1);
  });
}

test("a run whose first entry arrives after its worker lost its lease is found by the next beat", async () => {
  let slow = true;
  const rig = createRig({
    wrap: (store, clock) =>
      storeThrough(store, async (call, data, work) => {
        if (!slow || call !== "append journal" || (data as { is?: string }).is !== "started") return work();
        slow = false;
        await clock.sleep(40_000);
        return work();
      }),
  });
  const first = await rig.spawn({ functions: [quick] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.clock.sleep(1000);
  for (const lease of await rig.store.kv.list("leases")) await rig.store.kv.delete("leases", lease.key, lease.revision);
  await rig.clock.sleep(39_100);
  const before = rig.clock.mono();
  await rig.untilLine(quick, id, "finished ok");
  expect(rig.clock.mono() - before).toBeLessThan(20_000);
  expect(first.worker.office.worker()).not.toBe((await rig.entries(quick, id))[0]?.by);
});
