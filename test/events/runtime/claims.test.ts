import { expect, test } from "vitest";
import { z } from "zod";
import { createMemoryStore, defineEvent, type EventStore, journalSubject } from "#events";
import { createClaims } from "#events/claims.ts";
import { createRig, type Rig, storeThrough } from "./rig.ts";
import { nudged, pressed, toyFunction, turn } from "./toy.ts";

const cordon = { kind: "cordon", machine: "box", undo: "kubectl uncordon box" } as const;

const taken = defineEvent("box-taken", { schema: z.object({ machine: z.string() }), key: (data) => data.machine });
/** Holds the box until it is nudged. */
const holder = toyFunction(
  async ({ step }) => {
    await step.run("look", () => 1);
    await step.waitFor("nudge", nudged, { within: "1h" });
  },
  { id: "holder" },
);
const contender = toyFunction(async ({ step, ports }) => void (await step.act("off", turn(ports.box, "off"))), {
  id: "contender",
  on: taken as never,
});
const spawn = (rig: Rig, ...functions: ReturnType<typeof toyFunction>[]) => rig.spawn({ functions, events: [nudged as never] });

test("promise 15: one machine has one run, across functions and workers: the second waits, says for whom, and goes on at once when it is free", async () => {
  const rig = createRig();
  const { worker } = await spawn(rig, holder, contender);
  await spawn(rig, holder, contender);
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(holder, id, "waiting");
  const second = await rig.send(taken, { machine: "box" });
  await rig.untilLine(contender, second, "held");
  const reason = `box is held by holder (run ${rig.run(holder, id)})`;
  expect((await rig.lines(contender, second)).at(-1)).toBe(`held "claim": ${reason}`);
  await rig.clock.sleep(601_000);
  expect(await worker.runs.get(rig.run(contender, second))).toMatchObject({ status: "waiting", reason, nextWake: expect.any(String) });
  expect(rig.box.writes).toEqual([]);
  const freed = rig.clock.now();
  await rig.send(nudged, { machine: "box", n: 0 });
  await rig.untilLine(contender, second, "finished ok");
  expect((await rig.entries(contender, second)).find((entry) => entry.is === "intent")?.at).toBe(freed);
});

test("promise 15: machines do not wait for each other", async () => {
  const rig = createRig();
  await spawn(rig, holder);
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(holder, id, "waiting");
  const elsewhere = await rig.send(pressed, { machine: "another" });
  await rig.untilLine(holder, elsewhere, "waiting");
});

test("promise 15: a function without acts holds no claim", async () => {
  const rig = createRig();
  const watching = { ...holder, acts: [] };
  const { worker } = await spawn(rig, watching);
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(watching, id, "waiting");
  expect(await worker.office.claims.holder("box")).toBeUndefined();
});

test("promise 15: a claim is released by its own run only", async () => {
  const claims = createClaims(createMemoryStore());
  const claim = (run: string) => ({ run, function: "f", subject: `f.${run}` });
  expect(await claims.take("box", claim("a"))).toEqual({ mine: true });
  expect(await claims.take("box", claim("a"))).toEqual({ mine: true });
  expect(await claims.take("box", claim("b"))).toEqual({ mine: false, holder: claim("a") });
  await claims.release("box", "b");
  expect(await claims.holder("box")).toEqual(claim("a"));
  expect(await claims.pass("box", "b", claim("c"))).toBe(false);
  expect(await claims.pass("box", "a", claim("c"))).toBe(true);
  await claims.release("box", "a");
  expect(await claims.holder("box")).toEqual(claim("c"));
  await claims.release("box", "c");
  expect(await claims.holder("box")).toBeUndefined();
});

const clearing = toyFunction(async ({ step }) => void (await step.run("uncordon", () => 1, { clears: "cordon" })), {
  id: "clearing",
  on: taken as never,
});

/** A worker whose process dies just before the call that `at` names. */
const dyingBefore = (rig: Rig, at: (call: string, data: unknown) => boolean, kill: () => void): EventStore =>
  storeThrough(rig.store, async (call, data, work) => {
    if (!at(call, data)) return work();
    kill();
    return new Promise(() => undefined);
  });

const leaving = toyFunction(
  async ({ step }) => {
    await step.run("cordon", () => 1, { leaves: cordon });
    throw new Error("gave up");
  },
  { id: "leaving" },
);

test("promise 15 and 18: a contender frees the claim of a finished run, and writes down first what that run left", async () => {
  const rig = createRig();
  const kill = () => dead.kill();
  // It dies after its last entry and before its ledger and its claim.
  const dead: Awaited<ReturnType<typeof rig.spawn>> = await rig.spawn({
    functions: [leaving],
    store: dyingBefore(rig, (call, data) => call === "put ledger" && (data as { quarantine?: object }).quarantine !== undefined, kill),
  });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(leaving, id, "finished failed: gave up");
  const next = await rig.spawn({ functions: [clearing] });
  expect(await next.worker.office.claims.holder("box")).toMatchObject({ function: "leaving" });
  const second = await rig.send(taken, { machine: "box" });
  await rig.untilLine(clearing, second, "finished ok");
  expect(await rig.lines(clearing, second)).toContain("inherited cordon");
  const { quarantine } = await next.worker.office.ledger.of("box");
  expect(quarantine).toMatchObject({ reason: "leaving ended failed: gave up", run: rig.run(leaving, id) });
  expect(await rig.store.log.subjects("events", "*.machine-quarantined.>")).toHaveLength(1);
});

test("promise 15: a claim whose run never began is freed", async () => {
  const rig = createRig();
  const orphan = { run: "nobody", function: "gone", subject: journalSubject("gone", "nobody") };
  await createClaims(rig.store).take("box", orphan);
  await spawn(rig, contender);
  const id = await rig.send(taken, { machine: "box" });
  await rig.untilLine(contender, id, "finished ok");
});

test("promise 15: a worker that wakes after its machine has moved on writes nothing into its ledger", async () => {
  const rig = createRig();
  let freeze: (() => void) | undefined;
  const thawed = Promise.withResolvers<void>();
  const first = await rig.spawn({
    functions: [leaving],
    store: storeThrough(rig.store, async (call, data, work) => {
      if (call === "put ledger" && (data as { quarantine?: object }).quarantine) {
        freeze?.();
        await thawed.promise;
      }
      return work();
    }),
  });
  freeze = first.freeze;
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(leaving, id, "finished");
  await rig.clock.sleep(1000);
  const next = await spawn(rig, clearing, leaving);
  const second = await rig.send(taken, { machine: "box" });
  await rig.untilLine(clearing, second, "finished ok");
  await next.worker.idle();
  await next.worker.accept({ type: "hold-released", data: { scope: "machine", name: "box" }, origin: "operator", source: "cli" });
  const before = await next.worker.office.ledger.of("box");
  expect(before.left).toBeUndefined();
  first.thaw();
  thawed.resolve();
  await rig.clock.sleep(600_000);
  const after = await next.worker.office.ledger.of("box");
  expect({ left: after.left, quarantine: after.quarantine }).toEqual({ left: undefined, quarantine: undefined });
});

/** Marks the machine, acts, and holds it until it is nudged. */
const low = toyFunction(
  async ({ step, ports }) => {
    await step.run("cordon", () => 1, { leaves: cordon });
    await step.act("off", turn(ports.box, "off"));
    await step.waitFor("nudge", nudged, { within: "10h" });
  },
  { id: "low", timeout: "10h" },
);
/** Takes the machine over and makes it good. */
const high = toyFunction(
  async ({ step, ports }) => {
    await step.act("on", turn(ports.box, "on"));
    await step.run("uncordon", () => step.self.inherited.length, { clears: "cordon" });
  },
  { id: "high", on: taken as never },
);
const both = { functions: [low, high], events: [nudged as never], precedence: { high: ["low"] } };
const superseded = (rig: Rig, by: string) => `finished superseded: high (run ${rig.run(high, by)}) takes box over`;

test("promise 16: precedence ends the lower run at its next step; its marks and its machine become the higher run's", async () => {
  const rig = createRig();
  const { worker } = await rig.spawn(both);
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(low, id, "waiting");
  const taking = await rig.send(taken, { machine: "box" });
  await rig.untilLine(high, taking, "finished ok");
  expect((await rig.lines(low, id)).at(-1)).toBe(superseded(rig, taking));
  expect(await rig.lines(high, taking)).toContain("inherited cordon");
  expect(await rig.lines(high, taking)).toContain('done "uncordon" 1');
  await worker.idle();
  const { left, quarantine } = await worker.office.ledger.of("box");
  expect({ left, quarantine }).toEqual({ left: undefined, quarantine: undefined });
});

test("promise 16: without precedence nobody takes over: neither the lower from the higher nor an equal", async () => {
  const rig = createRig();
  await rig.spawn({ ...both, precedence: { low: ["somebody else"] } });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(low, id, "waiting");
  const taking = await rig.send(taken, { machine: "box" });
  await rig.clock.sleep(3_600_000);
  expect((await rig.lines(low, id)).at(-1)).toBe('waiting "nudge"');
  await rig.send(nudged, { machine: "box", n: 0 });
  await rig.untilLine(high, taking, "finished ok");
});

test("promise 16: an act under way is seen to its outcome before the machine changes hands", async () => {
  const rig = createRig({ faults: { latencyMs: 8000 } });
  await rig.spawn(both);
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(low, id, "intent");
  const taking = await rig.send(taken, { machine: "box" });
  await rig.untilLine(high, taking, "finished ok");
  expect((await rig.lines(low, id)).slice(-2)).toEqual(['outcome "off" done: off', superseded(rig, taking)]);
  expect(rig.box.did).toEqual({ on: 1, off: 1 });
});

test("promise 15: an act whose outcome nobody knows belongs to the machine: the next run waits until it must have shown", async () => {
  const rig = createRig({ faults: { latencyMs: 5000 } });
  const first = await rig.spawn(both);
  const id = await rig.send(pressed, { machine: "box" });
  await rig.until(() => rig.box.writes.length > 0);
  first.kill();
  // The higher run is there before anybody has taken the lower one over.
  const taking = await rig.send(taken, { machine: "box" });
  const { worker } = await rig.spawn(both);
  await rig.untilLine(high, taking, 'held "settle"');
  const began = rig.clock.mono();
  expect((await rig.lines(low, id)).at(-1)).toBe(superseded(rig, taking));
  await rig.untilLine(high, taking, "finished ok");
  const [, second] = rig.box.writes;
  expect(second).toMatchObject({ verb: "power-on", run: rig.run(high, taking) });
  expect((second?.at ?? 0) - began).toBeGreaterThanOrEqual(14_000);
  await worker.idle();
  expect((await worker.office.ledger.of("box")).unsettled).toBeUndefined();
});

test("promise 12: a run that is taken over gets to its outcome although the ledger takes nothing more", async () => {
  let full = false;
  const wrap = (store: EventStore) =>
    storeThrough(store, async (call, _, work) => {
      if (full && call === "put ledger") throw new Error("the disk is full");
      return work();
    });
  const rig = createRig({ faults: { latencyMs: 5000 }, wrap });
  const first = await rig.spawn({ functions: [contender], events: [taken as never] });
  const id = await rig.send(taken, { machine: "box" });
  await rig.until(() => rig.box.writes.length > 0);
  first.kill();
  full = true;
  const { worker } = await rig.spawn({ functions: [contender], events: [taken as never] });
  await rig.untilLine(contender, id, 'outcome "off" done');
  full = false;
  await rig.untilLine(contender, id, "finished ok");
  await worker.idle();
  expect(rig.box.writes).toHaveLength(1);
});

test("promise 16: a parked run counts as between steps: it can be taken over", async () => {
  const rig = createRig({ faults: { ignores: 2 } });
  await rig.spawn(both);
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(low, id, "parked");
  const taking = await rig.send(taken, { machine: "box" });
  await rig.untilLine(high, taking, "finished ok");
  expect((await rig.lines(low, id)).at(-1)).toBe(superseded(rig, taking));
  expect(await rig.lines(high, taking)).toContain("inherited cordon");
});

test("promise 15: three workers racing for one machine, one of them dying: every event runs once, one at a time", async () => {
  const rig = createRig();
  let inside = 0;
  const crowded: string[] = [];
  const turnAround = toyFunction(async ({ step, ports }) => {
    await step.act("off", turn(ports.box, "off"));
    await step.run("alone", async () => {
      inside += 1;
      if (inside > 1) crowded.push(step.self.run);
      await rig.clock.sleep(3000);
      inside -= 1;
    });
    await step.act("on", turn(ports.box, "on"));
  });
  const lives = await Promise.all(
    [1, 2, 3].map((offset) => rig.spawn({ functions: [turnAround], clock: rig.time.clock({ wallOffsetMs: offset * 60_000 }) })),
  );
  const ids = await Promise.all(Array.from({ length: 9 }, () => rig.send(pressed, { machine: "box" })));
  await rig.until(() => rig.box.writes.length >= 5);
  lives[1]?.kill();
  for (const id of ids) await rig.untilLine(turnAround, id, "finished ok");
  expect(crowded).toEqual([]);
  expect(rig.box.did).toEqual({ on: 9, off: 9 });
  expect(rig.box.writes.map((write) => write.verb)).toEqual(Array.from({ length: 18 }, (_, n) => (n % 2 ? "power-on" : "force-off")));
  expect(new Set(rig.box.writes.map((write) => write.run)).size).toBe(9);
});
