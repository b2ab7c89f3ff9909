import { expect, test } from "vitest";
import { lastOf, lost, rack, seenToGo, shows, startRig, untouched } from "./rig.ts";

test("deliberate power-off is not lost", async () => {
  const rig = await startRig({ machines: rack, watch: true });
  await rig.clock.sleep(120_000);
  const run = await rig.say("power-off-requested", { machine: "gpu-02", reason: "new fans" });
  expect(await rig.ended(run)).toBe("ok");
  await rig.clock.sleep(3_600_000);
  expect(await rig.runsOf("gpu-02")).toHaveLength(1);
  expect(await rig.office.incidents.of("gpu-02")).toBeUndefined();
});

test("ledger contradiction: recovery does not bring back what a person wants off", async () => {
  const rig = await startRig({ machines: rack.map((name) => ({ name, foundOff: "power-on" as const })) });
  const box = rig.world.machine("gpu-02");
  box.bmc.log = [{ severity: "critical", message: "AC lost", power: "ac-lost" }];
  await rig.ended(await rig.say("power-off-requested", { machine: "gpu-02", reason: "new fans" }));
  await rig.clock.sleep(60_000);
  await seenToGo(rig);
  const run = await rig.say("node-lost", { machine: "gpu-02" }, { origin: "external" });
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("alice wants it off (new fans), node-lost would leave it on");
  expect(box.power()).toBe("off");
  expect(box.did.taint).toBe(0);
});

test("a person's power-off takes a machine over from its recovery", async () => {
  const rig = await startRig({ machines: rack, patience: "10m" });
  const recovery = await lost(rig);
  await rig.until("it waits", async () => (await rig.summary(recovery))?.status === "waiting");
  const off = await rig.say("power-off-requested", { machine: "gpu-02", hard: true });
  expect(await rig.ended(recovery)).toBe("superseded");
  expect(await rig.ended(off)).toBe("ok");
  expect(rig.world.machine("gpu-02").writes.map((write) => write.verb)).toEqual(["force-off"]);
});

test("human cordon preserved", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.node.unschedulable = true;
  expect(await rig.ended(await lost(rig))).toBe("ok");
  expect(box.node).toMatchObject({ unschedulable: true, cordonedBy: undefined });
  expect(await rig.ended(await rig.say("power-cycle", { machine: "gpu-02" }))).toBe("ok");
  expect(box.node).toMatchObject({ unschedulable: true, cordonedBy: undefined });
  expect(box.did).toMatchObject({ cordon: 0, uncordon: 0, off: 2, on: 2 });
});

test("stale guard after a long drain: a hold placed during the drain stops the next act", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.pods = [{ name: "web-0", owner: "ReplicaSet/web" }];
  rig.world.api.drainMs = 500_000;
  const run = await rig.say("power-cycle", { machine: "gpu-02" });
  await rig.until("it drains", () => box.did.drain === 1);
  await rig.say("hold-requested", { scope: "machine", name: "gpu-02", reason: "I have it open" }, { actor: "bob" });
  await shows(rig, run, "held by bob (machine gpu-02): I have it open");
  await rig.clock.sleep(3_600_000);
  expect(box.writes).toEqual([]);
  await rig.say("hold-released", { scope: "machine", name: "gpu-02" }, { actor: "bob" });
  expect(await rig.ended(run)).toBe("ok");
});

test("drain blocked by a PDB: names it and asks, and silence is a no", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.pods = [
    { name: "db-0", namespace: "shop", owner: "StatefulSet/db", blockedBy: "db-pdb" },
    { name: "web-0", owner: "ReplicaSet/web" },
  ];
  const run = await rig.say("power-off-requested", { machine: "gpu-02" });
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  expect((await rig.summary(run))?.reason).toBe("gpu-02 still runs: shop/db-0 (PodDisruptionBudget db-pdb). Go on and stop them?");
  expect(await rig.ended(run)).toBe("denied");
  expect(box.writes).toEqual([]);
  expect(box.pods.map((pod) => pod.name)).toEqual(["db-0"]);
  expect((await rig.office.ledger.of("gpu-02")).quarantine?.reason).toContain("no answer in time");
});

test("forged approval: neither the open door nor another plan's digest decides", async () => {
  const rig = await startRig({ machines: rack.map((name) => ({ name, trust: "ask" as const })) });
  const box = rig.world.machine("gpu-02");
  const run = await lost(rig);
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  const asked = (await rig.journal(run)).find((entry) => entry.is === "asked");
  if (asked?.is !== "asked") throw new Error("nothing asked");
  const { step, nonce, digest } = asked;
  const right = { run, step, nonce, digest, approve: true };
  await expect(rig.say("approval-decided", right, { origin: "external" })).rejects.toThrow("may be sent by an operator only");
  await rig.say("approval-decided", { ...right, digest: "0000000000000000" });
  await rig.say("approval-decided", { ...right, nonce: "guessed" });
  await rig.say("approval-decided", { ...right, step: "ask: pet" });
  await rig.clock.sleep(3_600_000);
  expect(await rig.summary(run)).toMatchObject({ status: "asking" });
  expect(box.did).toEqual(untouched);
  await rig.say("approval-decided", right, { actor: "carol" });
  expect(await rig.ended(run)).toBe("ok");
  expect(await rig.lines(run)).toContain('decided "ask: trust" approved by carol');
});

for (const [name, by] of [
  ["freeze", "freeze"],
  ["STOP file", "file"],
] as const) {
  test(`${name} in the middle of a run: it waits with what it has set, and goes on`, async () => {
    const rig = await startRig({ machines: rack });
    const box = rig.world.machine("gpu-02");
    const run = await lost(rig);
    await rig.until("it is off", () => box.did.off === 1);
    if (by === "file") rig.stopFile = "/run/lightsout/STOP";
    else await rig.say("freeze-requested", { reason: "hands off" }, { actor: "bob" });
    await shows(rig, run, by === "file" ? "the STOP file /run/lightsout/STOP is there" : "frozen by bob: hands off");
    await rig.clock.sleep(3 * 3_600_000);
    expect(box.writes).toHaveLength(1);
    expect(box.did).toMatchObject({ taint: 0, on: 0 });
    if (by === "file") rig.stopFile = undefined;
    else await rig.say("freeze-released", {});
    expect(await rig.ended(run)).toBe("ok");
    expect(box.did).toMatchObject({ off: 1, on: 1, taint: 1, untaint: 1 });
  });
}

test("pets ask, by declaration and by what runs on them", async () => {
  const rig = await startRig({ machines: [...rack.slice(2), { name: "gpu-01", pet: true }, "gpu-02"] });
  rig.world.machine("gpu-02").pods = [{ name: "notebook", namespace: "ada", irreplaceable: "pet" }];
  const declared = await lost(rig, "gpu-01");
  await shows(rig, declared, "gpu-01 is declared a pet");
  const inhabited = await lost(rig, "gpu-02");
  await shows(rig, inhabited, "Pets run on gpu-02: ada/notebook");
  await rig.answer(inhabited, true);
  expect(await rig.ended(inhabited)).toBe("ok");
  await rig.answer(declared, false);
  expect(await rig.ended(declared)).toBe("denied");
  expect(rig.world.machine("gpu-01").did).toEqual(untouched);
});

test("trust observe: everything is decided and shown, nothing is done", async () => {
  const rig = await startRig({ machines: rack.map((name) => ({ name, trust: "observe" as const })) });
  const box = rig.world.machine("gpu-02");
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("observed");
  expect(await lastOf(rig, run)).toMatch(/would .* gpu-02 now.*trust is observe/);
  for (const type of ["power-off-requested", "power-cycle"]) {
    expect(await rig.ended(await rig.say(type, { machine: "gpu-03" }))).toBe("observed");
  }
  expect(box.did).toEqual(untouched);
  expect(rig.world.machine("gpu-03").did).toEqual(untouched);
  for (const machine of ["gpu-02", "gpu-03"]) expect((await rig.office.ledger.of(machine)).quarantine).toBeUndefined();
});

test("trust ask: recovery asks, a person's own request does not", async () => {
  const rig = await startRig({ machines: rack.map((name) => ({ name, trust: "ask" as const })) });
  const run = await lost(rig);
  await shows(rig, run, "For gpu-02 trust is ask");
  await rig.answer(run, true, "carol");
  expect(await rig.ended(run)).toBe("ok");
  expect((await rig.lines(run)).filter((line) => line.startsWith("asked"))).toHaveLength(1);
  expect(await rig.ended(await rig.say("power-cycle", { machine: "gpu-03" }))).toBe("ok");
  const anonymous = await rig.say("power-cycle", { machine: "gpu-04" }, { origin: "external" });
  await shows(rig, anonymous, "For gpu-04 trust is ask");
});

test("trust auto, given by an operator over the configuration's observe: an open incident gets its next round", async () => {
  const rig = await startRig({ machines: rack.map((name) => ({ name, trust: "observe" as const })), watch: true });
  await rig.clock.sleep(120_000);
  rig.world.machine("gpu-02").hang();
  await rig.until("it was observed", async () => (await rig.runsOf("gpu-02"))[0]?.status === "finished");
  await rig.say("trust-changed", { scope: "machine", name: "gpu-02", trust: "auto" });
  await rig.until("the next round", async () => (await rig.runsOf("gpu-02")).length === 2);
  const [, second] = await rig.runsOf("gpu-02");
  expect(await rig.ended(second?.run ?? "")).toBe("ok");
  await rig.clock.sleep(60_000);
  expect((await rig.office.incidents.of("gpu-02"))?.state).toBe("closed");
});

test("trust ask: recovery asks also when a person sent the event", async () => {
  const rig = await startRig({ machines: rack.map((name) => ({ name, trust: "ask" as const })) });
  rig.world.machine("gpu-02").hang();
  await rig.clock.sleep(60_000);
  await seenToGo(rig);
  const run = await rig.say("node-lost", { machine: "gpu-02" }, { actor: "alice" });
  await shows(rig, run, "For gpu-02 trust is ask");
  expect(rig.world.machine("gpu-02").did).toEqual(untouched);
});

test("a plan shows where it would stop, and does nothing", async () => {
  const { planEvent } = await import("#events");
  const rig = await startRig({ machines: rack.map((name) => ({ name, trust: "observe" as const })) });
  const box = rig.world.machine("gpu-02");
  const plans = await planEvent(rig.office, {
    type: "power-cycle",
    data: { machine: "gpu-02" },
    origin: "operator",
    source: "test",
    actor: "alice",
  });
  expect(plans.map((plan) => plan.function)).toEqual(["power-cycle"]);
  expect(plans[0]?.stops).toContain("trust is observe");
  expect(plans[0]?.steps.map(({ step }) => step)).toContain("power on");
  expect(box.did).toEqual(untouched);
  expect(await rig.worker.runs.all()).toEqual([]);
});
