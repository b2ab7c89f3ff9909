import { expect, test } from "vitest";
import { type Rig, rack, startRig, untouched } from "./rig.ts";

const minuteMs = 60_000;

/** Everything is watched, and after two healthy minutes gpu-02 hangs. */
async function hung(options: { trust?: "observe" | "ask"; before?: (rig: Rig) => Promise<unknown> | unknown } = {}): Promise<Rig> {
  const { trust } = options;
  const rig = await startRig({ machines: rack.map((name) => ({ name, ...(trust ? { trust } : {}) })), watch: true });
  await rig.clock.sleep(2 * minuteMs);
  await options.before?.(rig);
  rig.world.machine("gpu-02").hang();
  return rig;
}

/** Waits for its first run to end, with the machine still lost and untouched; answers the status. */
async function firstRound(rig: Rig): Promise<string> {
  await rig.until("a run begins", async () => (await rig.runsOf("gpu-02")).length > 0);
  const [run] = await rig.runsOf("gpu-02");
  const status = await rig.ended(run?.run ?? "");
  expect(rig.world.machine("gpu-02").did).toEqual(untouched);
  expect(await rig.office.incidents.of("gpu-02")).toMatchObject({ state: "open" });
  return status;
}

const recovered = (rig: Rig) =>
  rig.until("it is recovered", async () => (await rig.office.incidents.of("gpu-02"))?.state === "closed", 2 * 3_600_000);

test("a hold by annotation that is taken off: the lost machine is recovered without another word", async () => {
  const rig = await hung({ before: ({ world }) => Object.assign(world.machine("gpu-02").node, { hold: { reason: "alice" } }) });
  expect(await firstRound(rig)).toBe("refused");
  rig.world.machine("gpu-02").node.hold = undefined;
  await recovered(rig);
  expect(rig.world.machine("gpu-02").did).toMatchObject({ off: 1, on: 1 });
});

test("a hold that runs out: the lost machine is recovered without another word", async () => {
  const rig = await hung({
    before: ({ say, clock }) =>
      say("hold-requested", {
        scope: "machine",
        name: "gpu-02",
        reason: "new fans",
        until: new Date(clock.now() + 60 * minuteMs).toISOString(),
      }),
  });
  expect(await firstRound(rig)).toBe("refused");
  await rig.clock.sleep(40 * minuteMs);
  expect(rig.world.machine("gpu-02").did).toEqual(untouched);
  await recovered(rig);
  expect(rig.world.machine("gpu-02").did).toMatchObject({ off: 1, on: 1 });
});

test("a cluster that is out of sight for an hour in the middle of it: the lost machine is recovered when it is back", async () => {
  const rig = await hung();
  await rig.until("a run begins", async () => (await rig.runsOf("gpu-02")).length > 0);
  rig.world.api.reachable = false;
  expect(await firstRound(rig)).toBe("failed");
  await rig.clock.sleep(20 * minuteMs);
  rig.world.api.reachable = true;
  await recovered(rig);
  expect(rig.world.machine("gpu-02").did).toMatchObject({ off: 1, on: 1 });
});

test("trust observe: a lost machine is shown once, and again when trust changes", async () => {
  const rig = await hung({ trust: "observe" });
  expect(await firstRound(rig)).toBe("observed");
  await rig.clock.sleep(3 * 60 * minuteMs);
  expect(await rig.runsOf("gpu-02")).toHaveLength(1);
  await rig.say("trust-changed", { scope: "machine", name: "gpu-02", trust: "auto" });
  await recovered(rig);
  expect(await rig.runsOf("gpu-02")).toHaveLength(2);
});

test("trust ask: who has been told no does not ask again", async () => {
  const rig = await hung({ trust: "ask" });
  await rig.until("a run begins", async () => (await rig.runsOf("gpu-02")).length > 0);
  const [run] = await rig.runsOf("gpu-02");
  await rig.answer(run?.run ?? "", false);
  expect(await firstRound(rig)).toBe("denied");
  await rig.clock.sleep(3 * 60 * minuteMs);
  expect(await rig.runsOf("gpu-02")).toHaveLength(1);
});

test("storm told from outside: every loss counts, nothing is cut", async () => {
  const rig = await startRig({ machines: rack, watch: true });
  await rig.clock.sleep(2 * minuteMs);
  const gone = rack.slice(0, 6);
  for (const machine of gone) rig.world.machine(machine).isolate();
  await rig.until("they go", async () => (await rig.world.ports.cluster.node("gpu-06"))?.ready === "unknown");
  for (const machine of gone) await rig.say("node-lost", { machine }, { origin: "external" });
  expect(await rig.office.incidents.all()).toEqual([]);
  await rig.clock.sleep(10 * minuteMs);
  expect((await rig.office.incidents.all()).filter((incident) => incident.state === "open")).toHaveLength(6);
  for (const machine of gone) {
    expect(rig.world.machine(machine).did).toEqual(untouched);
    expect(await rig.runsOf(machine)).toHaveLength(1);
  }
});

for (const [what, options, end] of [
  ["observed", { trust: "observe" }, "observed"],
  ["refused", { trust: "auto", carriesLightsout: true }, "refused"],
] as const) {
  test(`a power-off that was only ${what} leaves the machine wanted as before, and its loss is seen`, async () => {
    const rig = await startRig({ machines: rack.map((name) => ({ name, ...options })), watch: true });
    await rig.clock.sleep(2 * minuteMs);
    const run = await rig.say("power-off-requested", { machine: "gpu-02" });
    expect(await rig.ended(run)).toBe(end);
    await rig.until("its end is written down", async () => (await rig.office.claims.holder("gpu-02")) === undefined);
    expect(await rig.office.ledger.of("gpu-02")).not.toHaveProperty("want");
    rig.world.machine("gpu-02").hang();
    await rig.clock.sleep(5 * minuteMs);
    expect(await rig.office.incidents.of("gpu-02")).toMatchObject({ state: "open" });
  });
}

test("a power-on that was refused leaves a machine off that a person wants off", async () => {
  const rig = await startRig({ machines: rack, watch: true });
  await rig.clock.sleep(2 * minuteMs);
  expect(await rig.ended(await rig.say("power-off-requested", { machine: "gpu-02", reason: "new fans" }))).toBe("ok");
  await rig.say("hold-requested", { scope: "machine", name: "gpu-02", reason: "hands in it" });
  const run = await rig.say("power-on-requested", { machine: "gpu-02" }, { actor: "bob" });
  expect((await rig.office.ledger.of("gpu-02")).want).toBe("on");
  expect(await rig.ended(run)).toBe("refused");
  await rig.until("its end is written down", async () => (await rig.office.claims.holder("gpu-02")) === undefined);
  expect(await rig.office.ledger.of("gpu-02")).toMatchObject({ want: "off", by: "alice", why: "new fans" });
});

test("a power-off that was carried out stands, whoever cancels it afterwards", async () => {
  const rig = await startRig({ machines: rack, watch: true });
  await rig.clock.sleep(2 * minuteMs);
  const run = await rig.say("power-off-requested", { machine: "gpu-02", hard: true });
  await rig.until("it acts", async () => (await rig.journal(run)).some((entry) => entry.is === "intent"));
  expect((await rig.office.ledger.of("gpu-02")).before).toEqual({});
  await rig.ended(run);
  await rig.until("its end is written down", async () => (await rig.office.claims.holder("gpu-02")) === undefined);
  const entry = await rig.office.ledger.of("gpu-02");
  expect(entry).toMatchObject({ want: "off", by: "alice" });
  expect(entry).not.toHaveProperty("before");
});
