import { expect, test } from "vitest";
import { type EventStore, nodeRetired, powerOffRequested, runCancelRequested } from "#events";
import { createControl } from "#events/runtime/control.ts";
import { createRig, storeThrough } from "./rig.ts";
import { cycle, nudged, pressed, says, toyFunction, turn } from "./toy.ts";

const nudgedEvents = [nudged as never];
const patient = toyFunction(
  async ({ step }) => {
    await step.run("first", () => 1);
    await step.waitFor("nudge", nudged, { within: "10h" });
    await step.run("last", () => 2);
  },
  { timeout: "20h", acts: [] },
);

test("promise 17: waiting takes no slot: hundreds of waiting runs leave the one slot free", async () => {
  const rig = createRig();
  await rig.spawn({ functions: [patient], events: nudgedEvents, slots: 1 });
  const ids = await Promise.all(Array.from({ length: 250 }, (_, n) => rig.send(pressed, { machine: `m${n}` })));
  for (const id of ids) await rig.untilLine(patient, id, "waiting");
  await Promise.all(ids.map((_, n) => rig.send(nudged, { machine: `m${n}`, n: 0 })));
  for (const id of ids) await rig.untilLine(patient, id, "finished ok");
});

test("promise 17: no more runs work at one moment than there are slots", async () => {
  const rig = createRig();
  let now = 0;
  let most = 0;
  const busy = toyFunction(
    async ({ step }) => {
      await step.run("busy", async () => {
        most = Math.max(most, ++now);
        await rig.clock.sleep(2000);
        now -= 1;
      });
    },
    { acts: [] },
  );
  await rig.spawn({ functions: [busy], slots: 3 });
  const ids = await Promise.all(Array.from({ length: 20 }, (_, n) => rig.send(pressed, { machine: `m${n}` })));
  for (const id of ids) await rig.untilLine(busy, id, "finished ok");
  expect(most).toBe(3);
});

test("promise 17: operators have their own lane: a thousand queued events do not delay a power-off", async () => {
  const rig = createRig();
  const busy = toyFunction(async ({ step }) => void (await step.run("busy", () => rig.clock.sleep(20_000))), { acts: [] });
  const off = toyFunction(async ({ step, ports }) => void (await step.act("off", turn(ports.box, "off"))), {
    id: "off",
    on: powerOffRequested as never,
  });
  await Promise.all(Array.from({ length: 1000 }, (_, n) => rig.send(pressed, { machine: `m${n}` })));
  const { worker } = await rig.spawn({ functions: [busy, off], slots: 1 });
  await rig.clock.sleep(60_000);
  const asked = rig.clock.mono();
  const { runs } = await worker.accept({ type: "power-off-requested", data: { machine: "box" }, origin: "operator", source: "cli" });
  await rig.until(() => rig.box.writes.length > 0);
  expect(runs).toHaveLength(1);
  expect((rig.box.writes[0]?.at ?? 0) - asked).toBeLessThan(1000);
});

test("promise 16: what an operator wants stands in the ledger, and what they say in the settings, before accepting answers", async () => {
  const rig = createRig();
  const { worker } = await rig.spawn({ functions: [] });
  const { ledger, settings } = worker.office;
  const say = (type: string, data: unknown) => worker.accept({ type, data, origin: "operator", source: "cli", actor: "ana" });
  const off = await say("power-off-requested", { machine: "box", reason: "new disk" });
  expect(await ledger.of("box")).toMatchObject({ want: "off", why: "new disk", by: "ana", event: off.id });
  await say("power-on-requested", { machine: "box" });
  expect(await ledger.of("box")).toMatchObject({ want: "on", why: "power-on-requested" });
  await say("freeze-requested", { reason: "fire" });
  expect(await settings.freeze()).toMatchObject({ reason: "fire", by: "ana" });
  await say("freeze-released", {});
  expect(await settings.freeze()).toBeUndefined();
  await say("hold-requested", { scope: "rack", name: "r1", reason: "cabling" });
  expect(await settings.holds(rig.clock.now())).toMatchObject([{ scope: "rack", name: "r1", by: "ana" }]);
  await say("hold-released", { scope: "rack", name: "r1" });
  expect(await settings.holds(rig.clock.now())).toEqual([]);
  await say("trust-changed", { scope: "pool", name: "gpu", trust: "auto" });
  expect(await settings.trust("pool", "gpu")).toBe("auto");
});

test("a cancelled run ends at its next step, and says who and why", async () => {
  const rig = createRig();
  await rig.spawn({ functions: [patient], events: nudgedEvents });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(patient, id, "waiting");
  await rig.send(runCancelRequested, { run: rig.run(patient, id), reason: "wrong box" }, { actor: "ana" });
  await rig.untilLine(patient, id, "finished cancelled: by ana: wrong box");
  expect((await rig.lines(patient, id)).slice(-2)).toEqual(['waiting "nudge"', "finished cancelled: by ana: wrong box"]);
});

test("promise 16: cancelling comes at a boundary, never between an intent and its outcome", async () => {
  const rig = createRig({ faults: { latencyMs: 8000 } });
  await rig.spawn({ functions: [cycle] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(cycle, id, "intent");
  await rig.send(runCancelRequested, { run: rig.run(cycle, id) }, { actor: "ana" });
  await rig.untilLine(cycle, id, "finished cancelled");
  expect((await rig.lines(cycle, id)).slice(-2)).toEqual(['outcome "off" done: off', "finished cancelled: by ana"]);
  expect(rig.box.did).toEqual({ on: 0, off: 1 });
});

test("a cancellation that arrives before its run has begun is not lost", async () => {
  const rig = createRig();
  const id = "known before";
  await rig.send(pressed, { machine: "box" }, { id });
  await rig.send(runCancelRequested, { run: rig.run(patient, id) }, { actor: "ana" });
  await rig.spawn({ functions: [patient], events: nudgedEvents });
  await rig.untilLine(patient, id, "finished");
  expect(await rig.lines(patient, id)).toEqual(["started toy for box", "finished cancelled: by ana"]);
});

test("a cancellation given while no worker ran is obeyed by the next", async () => {
  const rig = createRig();
  const first = await rig.spawn({ functions: [patient], events: nudgedEvents });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(patient, id, "waiting");
  first.kill();
  await rig.send(runCancelRequested, { run: rig.run(patient, id) }, { actor: "ana" });
  await rig.spawn({ functions: [patient], events: nudgedEvents });
  await rig.untilLine(patient, id, "finished cancelled: by ana");
});

test("cancelOn: its event ends the run, whenever after the trigger it came; an earlier one, or another machine's, does not", async () => {
  const rig = createRig();
  const spec = { ...patient, cancelOn: nodeRetired as never };
  await rig.send(nodeRetired, { machine: "box" });
  const id = await rig.send(pressed, { machine: "box" });
  const first = await rig.spawn({ functions: [spec], events: nudgedEvents });
  await rig.untilLine(spec, id, "waiting");
  await rig.send(nodeRetired, { machine: "another" });
  await rig.clock.sleep(60_000);
  expect((await rig.lines(spec, id)).at(-1)).toBe('waiting "nudge"');
  await rig.send(nodeRetired, { machine: "box" });
  await rig.untilLine(spec, id, "finished cancelled: node-retired arrived");
  await first.worker.stop();

  const late = await rig.send(pressed, { machine: "box" });
  await rig.send(nodeRetired, { machine: "box" });
  await rig.spawn({ functions: [spec], events: nudgedEvents });
  await rig.untilLine(spec, late, "finished cancelled: node-retired arrived");
});

test("cancelOn: an earlier event that is told late does not count", async () => {
  const rig = createRig();
  const spec = { ...patient, cancelOn: nodeRetired as never };
  const slow: EventStore = {
    ...rig.store,
    log: {
      ...rig.store.log,
      follow: (stream, filter, after, onRecord) =>
        rig.store.log.follow(stream, filter, after, (record) => void rig.clock.sleep(5000).then(() => onRecord(record))),
    },
  };
  await rig.spawn({ functions: [spec], events: nudgedEvents, store: slow });
  await rig.send(nodeRetired, { machine: "box" });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.clock.sleep(60_000);
  expect((await rig.lines(spec, id)).at(-1)).toBe('waiting "nudge"');
});

test("promise 17: a wake that comes while a run looks is not missed: it does not wait at all", async () => {
  const { clock } = createRig();
  const control = createControl(clock);
  const took = async () => {
    const from = clock.mono();
    await control.wait(10_000);
    return clock.mono() - from;
  };
  control.wake();
  control.wake();
  expect(await took()).toBe(0);
  expect(await took()).toBe(10_000);
  void clock.sleep(3000).then(control.wake);
  expect(await took()).toBe(3000);
  control.end({ kind: "stopped" });
  expect(await took()).toBe(0);
});

test("a run that waits for its machine can be cancelled, and leaves the holder its claim", async () => {
  const rig = createRig();
  const holding = { ...patient, acts: ["force-off"] as const };
  const { worker } = await rig.spawn({ functions: [holding], events: nudgedEvents });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(holding, id, "waiting");
  const second = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(holding, second, "held");
  await rig.send(runCancelRequested, { run: rig.run(holding, second) });
  await rig.untilLine(holding, second, "finished cancelled");
  await rig.clock.sleep(1000);
  expect(await worker.office.claims.holder("box")).toMatchObject({ run: rig.run(holding, id) });
});

test("a run that has used its time up fails at its next step, and says where", async () => {
  const rig = createRig();
  const slow = { ...patient, timeout: "30m" as const };
  await rig.spawn({ functions: [slow], events: nudgedEvents });
  const id = await rig.send(pressed, { machine: "box" });
  const from = rig.clock.mono();
  await rig.untilLine(slow, id, 'finished failed: not finished in 30m at "nudge"');
  expect(rig.clock.mono() - from).toBeGreaterThanOrEqual(30 * 60_000);
});

test("the time a run has used is kept across its owners; the time between them is not its own", async () => {
  const rig = createRig();
  const slow = { ...patient, timeout: "30m" as const };
  const id = await rig.send(pressed, { machine: "box" });
  for (let life = 0; life < 2; life += 1) {
    const { kill } = await rig.spawn({
      functions: [slow],
      events: nudgedEvents,
      clock: rig.time.clock({ wallOffsetMs: life * 3_600_000 }),
    });
    await rig.clock.sleep(600_000);
    kill();
    await rig.clock.sleep(3_600_000);
  }
  expect((await rig.lines(slow, id)).at(-1)).toBe("fenced");
  await rig.spawn({ functions: [slow], events: nudgedEvents });
  await rig.untilLine(slow, id, "finished failed: not finished in 30m");
});

test("timeouts do not count the time that guards and claims take", async () => {
  const rig = createRig();
  let open = false;
  const off = toyFunction(async ({ step, ports }) => void (await step.act("off", turn(ports.box, "off"))), { timeout: "10m" });
  const storm = says("storm", async () => (open ? { says: "allow", reason: "" } : { says: "wait", reason: "storm" }));
  await rig.spawn({ functions: [off], guards: [storm] });
  const ids = [await rig.send(pressed, { machine: "box" }), await rig.send(pressed, { machine: "box" })];
  await rig.clock.sleep(7_200_000);
  open = true;
  for (const id of ids) await rig.untilLine(off, id, "finished ok");
});

test("a store that is away delays runs and fails none", async () => {
  let away = false;
  const rig = createRig({
    wrap: (store) => ({
      ...store,
      log: Object.fromEntries(
        Object.entries(store.log).map(([name, call]) => [
          name,
          async (...args: unknown[]) => {
            if (away) throw new Error("away");
            return (call as (...args: unknown[]) => unknown)(...args);
          },
        ]),
      ) as unknown as typeof store.log,
    }),
  });
  const all = toyFunction(
    async ({ step }) => {
      await step.until("probe", async () => !away, { every: "30s", within: "2h", wakeOn: nudged as never });
      await step.sleep("nap", "1m");
      await step.waitFor("nudge", nudged, { within: "10m" });
      await step.emit("tell", nudged, { machine: "elsewhere", n: 1 });
    },
    { acts: [] },
  );
  await rig.spawn({ functions: [all], events: nudgedEvents });
  const id = await rig.send(pressed, { machine: "box" });
  for (let n = 0; n < 12; n += 1) {
    away = n % 2 === 1;
    await rig.clock.sleep(47_000);
  }
  away = false;
  await rig.untilLine(all, id, "finished ok");
  expect(await rig.store.log.read("events", "std.box-nudged.elsewhere")).toHaveLength(1);
});

test("a store that does not say whose a run is delays its marks, and does not use up the step's attempts", async () => {
  let refusals = 5;
  const wrap = (store: EventStore) =>
    storeThrough(store, async (call, _, work) => {
      if (call === "read journal" && marking && refusals-- > 0) throw new Error("away");
      return work();
    });
  let marking = false;
  const rig = createRig({ wrap });
  const cordons = toyFunction(async ({ step }) => {
    marking = true;
    await step.run("cordon", () => 1, { leaves: { kind: "cordon", machine: "box", undo: "uncordon" } });
    await step.run("uncordon", () => 1, { clears: "cordon" });
  });
  await rig.spawn({ functions: [cordons] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(cordons, id, "finished");
  expect(await rig.lines(cordons, id)).toEqual([
    "started toy for box",
    "obliged cordon",
    'done "cordon" 1',
    "cleared cordon",
    'done "uncordon" 1',
    "finished ok",
  ]);
});
