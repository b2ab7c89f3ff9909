import { expect, test } from "vitest";
import { type Rig, startRig } from "./rig.ts";

const rack = ["gpu-01", "gpu-02", "gpu-03", "gpu-04", "gpu-05", "gpu-06", "gpu-07", "gpu-08", "gpu-09", "gpu-10"];
const untouched = { on: 0, off: 0, cordon: 0, uncordon: 0, taint: 0, untaint: 0, drain: 0 };

async function lost(rig: Rig, machine = "gpu-02"): Promise<string> {
  rig.world.machine(machine).hang();
  await rig.clock.sleep(60_000);
  return rig.say("node-lost", { machine }, { origin: "external" });
}
const lastOf = async (rig: Rig, run: string) => (await rig.lines(run)).at(-1);
const shows = (rig: Rig, run: string, reason: string) =>
  rig.until(`it shows ${reason}`, async () => (await rig.summary(run))?.reason.includes(reason));

test("wrong box: a BMC that reports another uuid is refused before anything is set", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.bmc.identity = { uuids: ["4c4c4544-0033-4a10-8051-c7c04f5a32ff"] };
  const recovery = await lost(rig);
  expect(await rig.ended(recovery)).toBe("refused");
  expect(await lastOf(rig, recovery)).toContain("this BMC belongs to another machine");
  for (const type of ["power-off-requested", "power-cycle"]) {
    const run = await rig.say(type, { machine: "gpu-02", hard: true });
    expect(await rig.ended(run)).toBe("refused");
  }
  expect(box.did).toEqual(untouched);
  expect((await rig.office.ledger.of("gpu-02")).quarantine).toBeUndefined();
});

test("wrong box: another serial is refused", async () => {
  const rig = await startRig({ machines: rack });
  rig.world.machine("gpu-02").bmc.identity = { serial: "SN7K3Q99" };
  const run = await rig.say("power-off-requested", { machine: "gpu-02", hard: true });
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("serial SN7K3Q99");
});

test("wrong box: swapped behind the guard's back, the act's own session refuses it", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  const power = rig.world.ports.power.of("gpu-02");
  const honest = power.identity.bind(power);
  Object.assign(power, {
    async identity() {
      const was = await honest();
      box.bmc.identity = { uuids: ["4c4c4544-0033-4a10-8051-c7c04f5a32ff"] };
      return was;
    },
  });
  const run = await lost(rig);
  // The guard saw the right one the first time, and the wrong one when it was asked again.
  expect(await rig.ended(run)).toBe("refused");
  expect(await rig.lines(run)).toContain(
    'outcome "power off" not-done: gpu-02: force-off: this BMC says it is 4c4c4544-0033-4a10-8051-c7c04f5a32ff',
  );
  expect(box.did).toEqual(untouched);
});

test("swapped Node names: the Node runs on another box than the BMC's", async () => {
  const rig = await startRig({ machines: rack });
  const [a, b] = [rig.world.machine("gpu-02"), rig.world.machine("gpu-03")];
  a.node.systemUUID = b.facts.uuid;
  b.node.systemUUID = a.facts.uuid;
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("names are swapped");
  expect([a.writes, b.writes]).toEqual([[], []]);
});

test("partition that looks like many lost nodes: the storm guard starts nothing, and nothing is cut when it has passed", async () => {
  const rig = await startRig({ machines: rack, watch: true });
  await rig.clock.sleep(120_000);
  const cut = rack.slice(0, 6).map((name) => rig.world.machine(name));
  for (const box of cut) box.isolate();
  await rig.until("all are missed", async () => (await rig.worker.runs.all()).length === 6);
  const [first] = await rig.runsOf("gpu-01");
  await shows(rig, first?.run ?? "", "suspect the network");
  await rig.clock.sleep(600_000);
  for (const box of cut) box.isolate(false);
  await rig.clock.sleep(7_200_000);
  for (const box of cut) expect(box.did).toEqual(untouched);
  for (const run of await rig.worker.runs.all()) expect(run).toMatchObject({ status: "finished" });
  expect((await rig.runsOf("gpu-01")).at(-1)?.reason).toContain("there is nothing to recover");
});

test("partition: what really died in it is recovered when the storm has passed", async () => {
  const rig = await startRig({ machines: rack, watch: true });
  await rig.clock.sleep(120_000);
  const cut = rack.slice(0, 6).map((name) => rig.world.machine(name));
  for (const box of cut) box.isolate();
  await rig.clock.sleep(300_000);
  for (const box of cut) box.isolate(false);
  rig.world.machine("gpu-03").hang();
  await rig.clock.sleep(7_200_000);
  expect(cut.map((box) => box.writes.length)).toEqual([0, 0, 2, 0, 0, 0]);
});

test("one switch down: two machines behind it are a storm, though the fleet would allow two", async () => {
  const machines = rack.map((name, index) => ({ name, domains: index < 4 ? ["switch-1"] : ["switch-2"] }));
  const rig = await startRig({ machines, watch: true });
  await rig.clock.sleep(120_000);
  for (const name of ["gpu-01", "gpu-02"]) rig.world.machine(name).isolate();
  await rig.until("both are missed", async () => (await rig.worker.runs.all()).length === 2);
  const [run] = await rig.runsOf("gpu-01");
  await shows(rig, run?.run ?? "", "too many of switch-1 were lost at once (2 of 4)");
  expect(rig.world.machine("gpu-01").writes).toEqual([]);
});

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

test("an incident that queued for hours: what has come back meanwhile is not touched", async () => {
  const rig = await startRig({ machines: rack, watch: true });
  await rig.clock.sleep(120_000);
  await rig.say("freeze-requested", { reason: "moving racks" });
  const box = rig.world.machine("gpu-02");
  box.isolate();
  await rig.until("it is missed", async () => (await rig.runsOf("gpu-02")).length > 0);
  const [run] = await rig.runsOf("gpu-02");
  await shows(rig, run?.run ?? "", "frozen by alice: moving racks");
  await rig.clock.sleep(6 * 3_600_000);
  box.isolate(false);
  await rig.clock.sleep(60_000);
  await rig.say("freeze-released", {});
  expect(await rig.ended(run?.run ?? "")).toBe("refused");
  expect(box.did).toEqual(untouched);
});

test("an incident that queued for hours: what is still lost is recovered when the freeze ends", async () => {
  const rig = await startRig({ machines: rack, watch: true });
  await rig.clock.sleep(120_000);
  await rig.say("freeze-requested", { reason: "moving racks" });
  rig.world.machine("gpu-02").hang();
  await rig.clock.sleep(6 * 3_600_000);
  expect(rig.world.machine("gpu-02").did).toEqual(untouched);
  await rig.say("freeze-released", {});
  const [run] = await rig.runsOf("gpu-02");
  expect(await rig.ended(run?.run ?? "")).toBe("ok");
  expect(await rig.runsOf("gpu-02")).toHaveLength(1);
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

test("timeout: there is no second protocol and no second request", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.bmc.losesAnswers = true;
  box.bmc.silentAfterMs = 10 * 60_000;
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("parked");
  expect(await lastOf(rig, run)).toContain("it cannot be known whether it happened");
  await rig.clock.sleep(3_600_000);
  expect(box.writes).toHaveLength(1);
  expect(box.did.taint).toBe(0);
});

test("timeout: an answer that was lost is not repeated, the state decides", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.bmc.losesAnswers = true;
  expect(await rig.ended(await lost(rig))).toBe("ok");
  expect(box.writes.map((write) => write.verb)).toEqual(["force-off", "power-on"]);
});

test("already-off answered 400 or 409: the state decides, and nothing is sent again", async () => {
  const { DeviceError } = await import("#events");
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.bmc.refuses = (verb) => {
    box.press("off");
    box.bmc.refuses = () => undefined;
    return new DeviceError("LO_BMC_REFUSED", { target: "gpu-02", operation: verb, effect: "none" }, "HTTP 409: the system is off already");
  };
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("ok");
  const lines = await rig.lines(run);
  expect(lines).toContain('outcome "power off" not-done: gpu-02: force-off: HTTP 409: the system is off already');
  expect(lines).toContain('outcome "power off" already: power Off');
  expect(box.writes.map((write) => write.verb)).toEqual(["power-on"]);
});

test("a cycle that reports success before off: on is sent only when Off was read", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.bmc.latencyMs = 45_000;
  const run = await rig.say("power-cycle", { machine: "gpu-02", hard: true });
  expect(await rig.ended(run)).toBe("ok");
  const [off, on] = box.writes;
  expect((on?.at ?? 0) - (off?.at ?? 0)).toBeGreaterThanOrEqual(45_000);
  expect(box.did).toMatchObject({ off: 1, on: 1 });
});

test("transitional states are not off", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  Object.assign(box.bmc, { transitional: true, latencyMs: 30_000 });
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("ok");
  expect(box.writes).toHaveLength(2);
  expect(rig.world.violations()).toEqual([]);
});

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

test("the same workload on two lost hosts within a day: asks and names it", async () => {
  const rig = await startRig({ machines: rack, watch: true });
  await rig.clock.sleep(120_000);
  for (const name of ["gpu-02", "gpu-07"]) {
    rig.world.machine(name).pods = [
      { name: `ckpt-${name}`, owner: "Job/checkpoint" },
      { name: "cilium", daemonSet: true, owner: "DaemonSet/cilium" },
    ];
  }
  rig.world.machine("gpu-02").hang();
  await rig.clock.sleep(3_600_000);
  expect(rig.world.machine("gpu-02").did.on).toBe(1);
  rig.world.machine("gpu-07").hang();
  await rig.until("it is missed", async () => (await rig.runsOf("gpu-07")).length > 0);
  const [run] = await rig.runsOf("gpu-07");
  await shows(rig, run?.run ?? "", "Job/checkpoint ran on gpu-02 too when it was lost within a day");
  expect(rig.world.machine("gpu-07").did).toEqual(untouched);
});

test("budgets: two in six hours, then quarantine and a person", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  for (let round = 0; round < 2; round += 1) {
    expect(await rig.ended(await lost(rig))).toBe("ok");
    await rig.clock.sleep(3_600_000);
  }
  const third = await lost(rig);
  expect(await rig.ended(third)).toBe("refused");
  expect(await lastOf(rig, third)).toContain("gpu-02 has used up its budget (2/6h): it needs a person");
  expect((await rig.office.ledger.of("gpu-02")).quarantine).toMatchObject({ run: third });
  expect(box.writes).toHaveLength(4);
});

test("budgets: the fleet's limit makes a run wait, and it goes on when the window has passed", async () => {
  const rig = await startRig({ machines: rack });
  for (const name of ["gpu-01", "gpu-02", "gpu-03", "gpu-04"]) expect(await rig.ended(await lost(rig, name))).toBe("ok");
  const fifth = await lost(rig, "gpu-05");
  await shows(rig, fifth, "the fleet's budget is used up (4/24h)");
  expect(rig.world.machine("gpu-05").did).toEqual(untouched);
  expect(await rig.office.reservations.uses("machine/gpu-05")).toEqual([]);
  expect(await rig.ended(fifth)).toBe("ok");
  expect(rig.clock.mono()).toBeGreaterThan(86_400_000);
});

test("control plane refused, but switching one on is always allowed", async () => {
  const rig = await startRig({ machines: [...rack, { name: "cp-01", role: "control-plane" }] });
  const box = rig.world.machine("cp-01");
  for (const [type, data] of [
    ["power-off-requested", { machine: "cp-01" }],
    ["power-cycle", { machine: "cp-01", hard: true }],
  ] as const) {
    const run = await rig.say(type, data);
    expect(await rig.ended(run)).toBe("refused");
    expect(await lastOf(rig, run)).toContain("etcd could lose its majority");
  }
  expect(box.did).toEqual(untouched);
  box.press("off");
  expect(await rig.ended(await rig.say("power-on-requested", { machine: "cp-01" }))).toBe("ok");
});

test("self-protection: the machine that carries Lightsout is powered only when an operator names it again", async () => {
  const rig = await startRig({ machines: [...rack, { name: "box-01", carriesLightsout: true }] });
  const box = rig.world.machine("box-01");
  const off = (data: object, origin: "operator" | "external" = "operator") =>
    rig.say("power-off-requested", { machine: "box-01", hard: true, ...data }, { origin });
  expect(await rig.ended(await off({}))).toBe("refused");
  expect(await rig.ended(await off({ confirm: "box-02" }))).toBe("refused");
  expect(await rig.ended(await off({ confirm: "box-01" }, "external"))).toBe("refused");
  expect(box.did).toEqual(untouched);
  expect(await rig.ended(await off({ confirm: "box-01" }))).toBe("ok");
});

test("trust observe: everything is decided and shown, nothing is done", async () => {
  const rig = await startRig({ machines: rack.map((name) => ({ name, trust: "observe" as const })) });
  const box = rig.world.machine("gpu-02");
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("observed");
  expect(await lastOf(rig, run)).toContain("would force-off gpu-02 now");
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
  await shows(rig, run, "Trust of gpu-02 is ask");
  await rig.answer(run, true, "carol");
  expect(await rig.ended(run)).toBe("ok");
  expect((await rig.lines(run)).filter((line) => line.startsWith("asked"))).toHaveLength(1);
  expect(await rig.ended(await rig.say("power-cycle", { machine: "gpu-03" }))).toBe("ok");
  const anonymous = await rig.say("power-cycle", { machine: "gpu-04" }, { origin: "external" });
  await shows(rig, anonymous, "Trust of gpu-04 is ask");
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

test("orphaned claim: of a run that has finished, and of one that never began", async () => {
  const rig = await startRig({ machines: rack });
  await rig.office.claims.take("gpu-02", { run: "never-began", function: "node-lost", subject: "node-lost.never-began" });
  const first = await rig.say("power-cycle", { machine: "gpu-02" });
  expect(await rig.ended(first)).toBe("ok");
  const { subject } = (await rig.summary(first)) ?? { subject: "" };
  await rig.office.claims.take("gpu-02", { run: first, function: "power-cycle", subject });
  expect(await rig.ended(await rig.say("power-cycle", { machine: "gpu-02" }))).toBe("ok");
  expect(await rig.office.claims.holder("gpu-02")).toBeUndefined();
});

test("dead-letter replay: a new run that names its cause, after the quarantine was released", async () => {
  const rig = await startRig({ machines: rack });
  const { createLetters } = await import("#config/letters.ts");
  const letters = createLetters(rig.worker);
  const box = rig.world.machine("gpu-02");
  box.host.gpusMissing = 0;
  box.host.neverBoots = true;
  const failed = await lost(rig);
  expect(await rig.ended(failed)).toBe("failed");
  const [letter] = await letters.all();
  expect(letter).toMatchObject({ function: "node-lost", run: failed });
  expect(letter?.reason).toContain("not cycled again");

  await rig.say("hold-released", { scope: "machine", name: "gpu-02" });
  box.host.neverBoots = false;
  const { runs } = await letters.replay(letter?.seq ?? 0, "alice");
  const again = runs[0] ?? "";
  expect(again).not.toBe(failed);
  expect(await rig.ended(again)).toBe("ok");
  const [started] = await rig.journal(again);
  const dead = letter?.event as { id: string };
  expect(started?.is === "started" && started.event.lscause).toBe(dead.id);
  expect(box.node).toMatchObject({ unschedulable: false, taintedAt: undefined });
});
