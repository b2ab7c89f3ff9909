import { expect, test } from "vitest";
import { createMemoryStore, type EventStore, runResumeRequested } from "#events";
import { crashEverywhere } from "#events/testing/mod.ts";
import { createRig, storeThrough } from "./rig.ts";
import { createBox, nudged, pressed, says, toyFunction, turn } from "./toy.ts";

const cordon = { kind: "cordon", machine: "box", undo: "kubectl uncordon box" } as const;
const failing = toyFunction(async ({ step }) => {
  await step.run("cordon", () => 1, { leaves: cordon });
  throw new Error("gave up");
});

test("promise 19: hit anywhere on its way out, a failed run is buried, its machine quarantined and its claim released", async () => {
  const stores: EventStore[] = [];

  const histories = await crashEverywhere(
    failing,
    {
      world: (clock) => createBox(clock),
      ports: (box) => ({ box: box.port }),
      data: { machine: "box" },
      store(clock) {
        const store = createMemoryStore({ clock });
        stores.push(store);
        return store;
      },
    },
    ({ status }) => expect(status).toBe("failed"),
  );
  expect(histories.length).toBeGreaterThan(15);
  for (const { log, kv } of stores) {
    expect(await log.read("dead", ">")).toHaveLength(1);
    expect(await log.read("events", "std.machine-quarantined.>")).toHaveLength(1);
    expect(await log.read("events", "std.run-finished.>")).toHaveLength(1);
    expect(await kv.list("claims")).toEqual([]);
    expect((await kv.list("ledger"))[0]?.value).toMatchObject({
      quarantine: { reason: "toy ended failed: gave up" },
      left: { obligations: [cordon] },
    });
    expect((await kv.list("runs")).map((entry) => (entry.value as { status: string }).status)).toEqual(["finished"]);
  }
});

test("promise 19: an epilogue repeated long after the store forgot its ids buries nothing twice", async () => {
  const rig = createRig();
  const id = await rig.send(pressed, { machine: "box" });
  for (let death = 0; death < 3; death += 1) {
    const life: { kill?: () => void } = {};
    const dying = storeThrough(rig.store, async (call, data, work) => {
      if (call !== "put runs" || (data as { status?: string }).status !== "finished") return work();
      life.kill?.();
      return new Promise(() => undefined);
    });
    life.kill = (await rig.spawn({ functions: [failing], store: dying })).kill;
    await rig.clock.sleep(600_000);
  }
  const last = await rig.spawn({ functions: [failing] });
  await rig.until(async () => (await last.worker.runs.get(rig.run(failing, id)))?.status === "finished");
  expect(await rig.store.log.read("dead", ">")).toHaveLength(1);
  expect((await rig.lines(failing, id)).filter((line) => line.startsWith("finished"))).toHaveLength(1);
});

test("promise 20: at every moment every unfinished run shows a reason and, unless parked, when it looks again", async () => {
  const rig = createRig({ faults: { ignores: 1, latencyMs: 3000 } });
  let open = false;
  const long = toyFunction(
    async ({ step, ports }) => {
      await step.run("slow", () => rig.clock.sleep(3000));
      let failures = 2;
      await step.run("shaky", () => {
        if (failures-- > 0) throw new Error("not yet");
      });
      await step.waitFor("nudge", nudged, { within: "2m" });
      await step.act("off", turn(ports.box, "off"));
      await step.sleep("nap", "1m");
      await step.until("probe", async () => false as const, { every: "10s", within: "1m" });
      await step.approve("sure", { ask: "Sure?", plan: null, within: "5m" });
    },
    { timeout: "10h" },
  );
  const storm = says("storm", async () => (open ? { says: "allow", reason: "" } : { says: "wait", reason: "storm" }));
  const life = await rig.spawn({ functions: [long], guards: [storm], events: [nudged as never] });
  const ids = [await rig.send(pressed, { machine: "box" }), await rig.send(pressed, { machine: "box" })];
  const seen = new Set<string>();
  const silent: unknown[] = [];
  for (let n = 0; n < 8000; n += 1) {
    await rig.clock.sleep(250);
    if (n === 2000) open = true;
    if (n === 2400) life.kill();
    if (n === 2420) await rig.spawn({ functions: [long], guards: [storm], events: [nudged as never] });
    for (const { value } of await rig.store.kv.list("runs")) {
      const { status, reason, nextWake } = value as { status: string; reason: string; nextWake?: string };
      seen.add(status);
      if (status !== "finished" && (!reason || (!nextWake && status !== "parked"))) silent.push(value);
    }
  }
  expect(silent).toEqual([]);
  expect([...seen].sort()).toEqual(["asking", "finished", "queued", "running", "waiting"]);
  for (const id of ids) expect((await rig.lines(long, id)).at(-1)).toContain("finished denied");
});

const day = 86_400_000;
/** Days pass faster when workers beat rarely. */
const leases = { ttlMs: day / 2, beatMs: day / 8 };

test("promise 8: finished runs are purged whole after the retention and leave a tombstone that still refuses a replay", async () => {
  const rig = createRig();
  const runs: string[] = [];
  const quick = toyFunction(async ({ step }) => void (await step.run("ran", () => void runs.push("ran"))), { acts: [] });
  const { worker } = await rig.spawn({ functions: [quick], keepFinishedMs: 3 * day, leases });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(quick, id, "finished ok");
  await rig.clock.sleep(2.9 * day);
  expect(await rig.lines(quick, id)).toHaveLength(3);
  expect(await worker.runs.get(rig.run(quick, id))).toMatchObject({ status: "finished" });
  await rig.clock.sleep(0.2 * day);
  expect(await rig.lines(quick, id)).toEqual(["finished ok"]);
  expect(await worker.runs.all()).toEqual([]);

  await rig.send(pressed, { machine: "box" }, { id });
  expect(await worker.accept({ type: "box-pressed", data: { machine: "box" }, origin: "external", source: "test", id })).toMatchObject({
    repeated: true,
  });
  await worker.stop();
  const next = await rig.spawn({ functions: [quick] });
  await rig.clock.sleep(600_000);
  expect(runs).toEqual(["ran"]);
  expect(await next.worker.runs.all()).toEqual([]);
});

test("promise 8: the journal of an unfinished run never expires", async () => {
  const rig = createRig({ faults: { ignores: 2 } });
  const acting = toyFunction(async ({ step, ports }) => void (await step.act("off", turn(ports.box, "off"))));
  const { worker } = await rig.spawn({ functions: [acting], keepFinishedMs: day, leases });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(acting, id, "parked");
  const before = await rig.lines(acting, id);
  await rig.clock.sleep(4 * day);
  expect(await rig.lines(acting, id)).toEqual(before);
  await rig.send(runResumeRequested, { run: rig.run(acting, id), step: "off", word: "happened" }, { actor: "ana" });
  await rig.untilLine(acting, id, "finished ok");
  await rig.clock.sleep(0.9 * day);
  expect((await rig.lines(acting, id)).length).toBeGreaterThan(before.length);
  expect((await worker.runs.all())[0]?.status).toBe("finished");
});

test("the index forgets, after a day, what never began", async () => {
  const rig = createRig();
  const { worker } = await rig.spawn({ functions: [], leases });
  const at = new Date(rig.clock.now()).toISOString();
  await worker.runs.set("ghost", () => ({
    run: "ghost",
    function: "toy",
    key: "box",
    subject: "toy.ghost",
    event: { type: "box-pressed", id: "x", source: "test" },
    worker: "dead",
    status: "queued",
    reason: "accepted",
    nextWake: at,
    startedAt: at,
    updatedAt: at,
    obligations: [],
  }));
  await rig.clock.sleep(0.9 * day);
  expect(await worker.runs.all()).toHaveLength(1);
  await rig.clock.sleep(0.2 * day);
  expect(await worker.runs.all()).toEqual([]);
});
