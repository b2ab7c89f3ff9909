import { expect, test } from "vitest";
import { z } from "zod";
import { type CloudEvent, defineEvent, type EventDefinition, type Json, nodeLost, runCancelRequested } from "#events";
import { createRig, storeThrough } from "./rig.ts";
import { pressed, toyFunction } from "./toy.ts";

const noop = toyFunction(async () => undefined, { acts: [] });
const other = toyFunction(async () => undefined, { acts: [], id: "other" });
const asEvent = (definition: unknown) => definition as EventDefinition;

test("promise 1: one event makes one run of every function that listens", async () => {
  const rig = createRig();
  await rig.spawn({ functions: [noop, other] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(noop, id, "finished ok");
  await rig.untilLine(other, id, "finished ok");
  expect(await rig.store.log.subjects("journal", ">")).toHaveLength(2);
});

test("promise 1: the same event again, long after the store forgot its id, starts nothing", async () => {
  const rig = createRig();
  let ran = 0;
  const counting = toyFunction(async ({ step }) => void (await step.run("count", () => void ran++)), { acts: [] });
  await rig.spawn({ functions: [counting] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(counting, id, "finished ok");
  await rig.clock.sleep(600_000);
  await rig.send(pressed, { machine: "box" }, { id });
  await rig.clock.sleep(600_000);
  expect(await rig.store.log.read("events", "std.box-pressed.box")).toHaveLength(2);
  expect(ran).toBe(1);
});

test("promise 1: a door is told which run a repeated event has started, and nothing takes effect again", async () => {
  const rig = createRig();
  const { worker } = await rig.spawn({ functions: [noop] });
  const incoming = { type: "box-pressed", data: { machine: "box" }, origin: "external", source: "test", id: "mine" } as const;
  const first = await worker.accept(incoming);
  expect(first).toMatchObject({ id: "mine", runs: [rig.run(noop, "mine")], repeated: false });
  await rig.untilLine(noop, "mine", "finished ok");
  expect(await worker.accept(incoming)).toMatchObject({ runs: first.runs, repeated: true });
});

test("promise 1: what cannot be read goes to the dead letters with the reason, and holds nothing up", async () => {
  const rig = createRig();
  await rig.spawn({ functions: [noop] });
  const envelope = (event: Partial<CloudEvent>): Json => ({
    specversion: "1.0",
    id: "x",
    source: "test",
    subject: "box",
    type: "box-pressed",
    datacontenttype: "application/json",
    lsversion: 1,
    data: { machine: "box" },
    ...event,
  });
  const raw: Json[] = [
    envelope({ type: "box-eaten" }),
    envelope({ data: { machine: 7 } }),
    envelope({ lsversion: 2 }),
    "not an envelope",
    null,
  ];
  for (const data of raw) await rig.store.log.append("events", "std.box-pressed.box", data);
  const good = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(noop, good, "finished ok");
  const letters = (await rig.store.log.read("dead", ">")).map((record) => record.data as { reason: string; event: Json });
  expect(letters.map((letter) => letter.reason)).toEqual([
    'unknown event type "box-eaten"',
    expect.stringContaining("box-pressed: machine:"),
    "box-pressed has schema version 2; this Lightsout knows 1: upgrade it",
    "not an event envelope",
    "not an event envelope",
  ]);
  expect(letters.map((letter) => letter.event)).toEqual(raw);
});

test("promise 8: an event stored by an older version passes through its upcasters", async () => {
  const rig = createRig();
  const old = defineEvent("box-moved", { schema: z.object({ box: z.string() }), key: (data) => data.box });
  const now = defineEvent("box-moved", {
    version: 3,
    schema: z.object({ machine: z.string(), to: z.string() }),
    key: (data) => data.machine,
    upcasters: {
      1: (data) => ({ machine: (data as { box: string }).box }),
      2: (data) => ({ ...(data as { machine: string }), to: "somewhere" }),
    },
  });
  const seen: unknown[] = [];
  const moved = toyFunction(async ({ event }) => void seen.push(event.data), { acts: [], on: asEvent(now) });
  const id = await rig.send(old, { box: "b1" });
  await rig.spawn({ functions: [moved] });
  await rig.untilLine(moved, id, "finished ok");
  expect(seen).toEqual([{ machine: "b1", to: "somewhere" }]);
});

test("promise 8: an upcaster that throws sends its event to the dead letters", async () => {
  const rig = createRig();
  const old = defineEvent("box-moved", { schema: z.object({ box: z.string() }), key: (data) => data.box });
  const now = defineEvent("box-moved", {
    version: 2,
    schema: z.object({ machine: z.string() }),
    key: (data) => data.machine,
    upcasters: {
      1: () => {
        throw new Error("cannot be carried over");
      },
    },
  });
  await rig.send(old, { box: "b1" });
  await rig.spawn({ functions: [toyFunction(async () => undefined, { acts: [], on: asEvent(now) })] });
  const [letter] = await rig.until(async () => {
    const letters = await rig.store.log.read("dead", ">");
    return letters.length > 0 && letters;
  });
  expect(letter?.data).toMatchObject({ reason: expect.stringContaining("cannot be carried over") });
});

test("promise 8: the event of a run that has started is never validated again", async () => {
  const rig = createRig();
  const strict = defineEvent("box-pressed", { origin: "external", schema: z.object({ machine: z.literal("other") }), key: () => "other" });
  const handler = toyFunction(
    async ({ step, event }) => {
      await step.sleep("a while", "5m");
      await step.run("read", () => event.data.machine);
    },
    { acts: [] },
  );
  const first = await rig.spawn({ functions: [handler] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(handler, id, "waiting");
  first.kill();
  await rig.spawn({ functions: [{ ...handler, on: asEvent(strict) }] });
  await rig.untilLine(handler, id, "finished ok");
  expect(await rig.lines(handler, id)).toContain('done "read" "box"');
});

test("promise 1: a replayed dead letter is a new event that names its cause, and a run of its own", async () => {
  const rig = createRig();
  let broken = true;
  const fails = toyFunction(
    async ({ step }) => {
      await step.run("try", () => {
        if (broken) throw new Error("not today");
      });
    },
    { acts: [] },
  );
  const { worker } = await rig.spawn({ functions: [fails] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(fails, id, "finished failed: not today");
  const [record] = await rig.until(async () => {
    const letters = await rig.store.log.read("dead", ">");
    return letters.length > 0 && letters;
  });
  const letter = record?.data as unknown as { reason: string; run: string; event: CloudEvent };
  expect(letter).toMatchObject({ reason: "not today", run: rig.run(fails, id), function: "toy", event: { id, type: "box-pressed" } });

  broken = false;
  const { type, data } = letter.event;
  const replayed = await worker.accept({ type, data, origin: "operator", source: "test", actor: "ana", cause: letter.event.id });
  expect(replayed.id).not.toBe(id);
  await rig.untilLine(fails, replayed.id, "finished ok");
  expect((await rig.entries(fails, replayed.id))[0]).toMatchObject({ event: { lscause: id, lsactor: "ana" } });
  expect((await rig.lines(fails, id)).at(-1)).toBe("finished failed: not today");
});

test("promise 2: the open door takes external events only; nobody may send what Lightsout says itself", async () => {
  const rig = createRig();
  const { worker } = await rig.spawn({ functions: [noop] });
  const send = (type: string, data: unknown, origin: "external" | "operator") =>
    worker.accept({ type, data, origin, source: "somebody" }).then(
      () => "accepted",
      (error) => error.code,
    );
  expect(await send(runCancelRequested.type, { run: "r" }, "external")).toBe("LO_EVENT_FORBIDDEN");
  expect(await send(runCancelRequested.type, { run: "r" }, "operator")).toBe("accepted");
  expect(await send("run-superseded", { run: "r", by: "b", function: "f" }, "operator")).toBe("LO_EVENT_FORBIDDEN");
  expect(await send(nodeLost.type, { machine: "m" }, "external")).toBe("accepted");
  expect(await send(nodeLost.type, { machine: "" }, "external")).toBe("LO_EVENT_INVALID");
  expect(await send("node-eaten", {}, "operator")).toBe("LO_EVENT_UNKNOWN");
  expect(await rig.store.log.subjects("events", "*.run-superseded.>")).toEqual([]);
});

for (const [others, how] of [
  [0, "a moment ago"],
  [1500, "and many others after it"],
] as const) {
  test(`a word that is said to a run before it has begun, ${how}, ends it`, async () => {
    const busy = toyFunction(async ({ step }) => void (await step.sleep("long", "1h")), { id: "busy" });
    const said: Promise<unknown>[] = [];
    const rig = createRig({
      wrap: (store) =>
        storeThrough(store, async (call, data, work) => {
          // The event is taken in, and nothing of its run is written yet.
          if (call === "append journal" && (data as { is: string }).is === "started") {
            said.push(rig.send(runCancelRequested, { run: rig.run(busy, "early"), reason: "not today" }, { actor: "ana" }));
            for (let n = 0; n < others; n += 1) said.push(rig.send(runCancelRequested, { run: `other-${n}` }));
            await Promise.all(said);
          }
          return work();
        }),
    });
    await rig.spawn({ functions: [busy] });
    await rig.send(pressed, { machine: "box" }, { id: "early" });
    await rig.untilLine(busy, "early", "finished cancelled: by ana: not today");
    expect((await rig.lines(busy, "early")).some((line) => line.startsWith("done"))).toBe(false);
    expect(await Promise.all(said)).toHaveLength(1 + others);
  });
}

test("what a run will need of its machine is opened before its event is stored, and only where it acts", async () => {
  const rig = createRig();
  const acting = toyFunction(async () => undefined, { id: "acting" });
  const seen: string[] = [];
  const prepare = ({ id }: { id: string }, machine: string) => {
    seen.push(`${id} ${machine}`);
    void rig.store.log.position("events").then((position) => seen.push(`events stored: ${position}`));
  };
  const { worker } = await rig.spawn({ functions: [noop, acting], prepare });
  const asked = { type: pressed.type, origin: "external", source: "test" } as const;
  await worker.accept({ ...asked, data: { machine: "box" }, id: "now" });
  await rig.untilLine(acting, "now", "finished ok");
  expect(seen).toEqual(["acting box", "events stored: 0"]);
  await expect(worker.accept({ ...asked, data: {} })).rejects.toMatchObject({ code: "LO_EVENT_INVALID" });
  expect(seen).toHaveLength(2);
});
