import { expect, test } from "vitest";
import { lastOf, lost, rack, seenToGo, startRig, untouched } from "./rig.ts";

test("replayed old event: the same id begins nothing new", async () => {
  const rig = await startRig({ machines: rack });
  rig.world.machine("gpu-02").hang();
  await rig.clock.sleep(60_000);
  await seenToGo(rig);
  const run = await rig.say("node-lost", { machine: "gpu-02" }, { origin: "external", id: "alert-7" });
  expect(await rig.ended(run)).toBe("ok");
  await rig.clock.sleep(3_600_000);
  expect(await rig.say("node-lost", { machine: "gpu-02" }, { origin: "external", id: "alert-7" })).toBe(run);
  await rig.clock.sleep(600_000);
  expect(await rig.runsOf("gpu-02")).toHaveLength(1);
  expect(rig.world.machine("gpu-02").writes).toHaveLength(2);
});

test("replayed old event: a new id for a healthy node ends without touching it", async () => {
  const rig = await startRig({ machines: rack });
  const run = await rig.say("node-lost", { machine: "gpu-02" }, { origin: "external" });
  expect(await rig.ended(run)).toBe("ok");
  expect((await rig.lines(run)).slice(-2)).toEqual([
    'done "nothing on it answers" {"is":"returned","why":"Node gpu-02 is Ready"}',
    "finished ok",
  ]);
  expect(rig.world.machine("gpu-02").did).toEqual(untouched);
});

test("a node that returns by itself in time is left alone", async () => {
  const rig = await startRig({ machines: rack, watch: true, patience: "5m" });
  await rig.clock.sleep(120_000);
  const box = rig.world.machine("gpu-02");
  box.isolate();
  await rig.until("it is missed", async () => (await rig.runsOf("gpu-02")).length > 0);
  await rig.clock.sleep(60_000);
  box.isolate(false);
  const [run] = await rig.runsOf("gpu-02");
  expect(await rig.ended(run?.run ?? "")).toBe("ok");
  expect(box.did).toEqual(untouched);
  expect((await rig.office.incidents.of("gpu-02"))?.state).toBe("closed");
});

test("kubelet still answers: not lost, whatever the Node shows", async () => {
  const rig = await startRig({ machines: rack });
  rig.world.machine("gpu-02").host.kubeletAnswers = true;
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toBe(
    "finished failed: gpu-02 is lost to the cluster, but kubelet answers: TLS, CN=gpu-02. Nothing was powered",
  );
  expect(rig.world.machine("gpu-02").did).toEqual(untouched);
});

test("sick is not lost: Ready=False powers nothing", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.host.sick = "container runtime is down";
  const run = await rig.say("node-lost", { machine: "gpu-02" }, { origin: "external" });
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("container runtime is down");
  expect(box.did).toEqual(untouched);
});

test("firmware update running: waits for it, then goes on", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.bmc.activity = { firmwareUpdate: true, raw: "updating BIOS, 40 %" };
  const run = await lost(rig);
  await rig.clock.sleep(15 * 60_000);
  expect(box.did).toEqual(untouched);
  box.bmc.activity = { firmwareUpdate: false, raw: "idle" };
  expect(await rig.ended(run)).toBe("ok");
  expect(box.did).toMatchObject({ off: 1, on: 1 });
});

test("a machine that is booting is given its time", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.bmc.activity = { firmwareUpdate: false, booting: true, raw: "POST" };
  const run = await lost(rig);
  await rig.clock.sleep(5 * 60_000);
  box.press("off");
  box.press("on", 1);
  expect(await rig.ended(run)).toBe("ok");
  expect(box.writes).toEqual([]);
});

test("BMC dead with its host: parks, nothing tainted", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.bmc.silent = true;
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("parked");
  expect(await lastOf(rig, run)).toBe(
    'parked "power off": the state of gpu-02 cannot be read: gpu-02: state: no answer in 3 s. Nothing was done',
  );
  expect(box.did).toEqual({ ...untouched, cordon: 1 });

  box.bmc.silent = false;
  await rig.say("run-resume-requested", { run, step: "power off", word: "did-not-happen" });
  await rig.until("it goes on", async () => (await rig.summary(run))?.status === "finished");
  expect(await lastOf(rig, run)).toBe("finished ok");
  expect(box.did).toMatchObject({ off: 1, on: 1, taint: 1, untaint: 1 });
});

test("BMC dead with its host: a person's word that it is off taints nothing while the BMC is silent", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.bmc.silent = true;
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("parked");
  await rig.say("run-resume-requested", { run, step: "power off", word: "happened" });
  await rig.clock.sleep(3_600_000);
  expect((await rig.summary(run))?.reason).toContain("no answer in 3 s");
  expect(box.did.taint).toBe(0);
  expect(box.writes).toEqual([]);
});

test("a machine without a BMC is parked: what cannot be proven is said", async () => {
  const rig = await startRig({ machines: rack });
  const { power } = rig.world.ports;
  const of = power.of.bind(power);
  const { UnsupportedError } = await import("#events");
  Object.assign(power, {
    of(name: string) {
      if (name === "gpu-02") throw new UnsupportedError(name, "power", "it declares no BMC");
      return of(name);
    },
  });
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("parked");
  expect(await lastOf(rig, run)).toContain("it declares no BMC");
  expect(rig.world.machine("gpu-02").did).toEqual({ ...untouched, cordon: 1 });
});

test("found off: asks, and a refusal leaves it off", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.press("off");
  await rig.clock.sleep(60_000);
  await seenToGo(rig);
  const run = await rig.say("node-lost", { machine: "gpu-02" }, { origin: "external" });
  await rig.answer(run, false, "bob");
  expect(await rig.ended(run)).toBe("denied");
  const lines = await rig.lines(run);
  expect(lines.find((line) => line.startsWith("asked"))).toContain("somebody may have their hands in it");
  expect(lines.at(-1)).toBe("finished denied: bring it back: refused by bob");
  expect(box.writes).toEqual([]);
  expect(box.node.unschedulable).toBe(false);
});

test("found off: a power loss in the log is not enough without the policy", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.bmc.log = [{ severity: "critical", message: "AC lost", power: "ac-lost" }];
  box.press("off");
  await rig.clock.sleep(60_000);
  await seenToGo(rig);
  const run = await rig.say("node-lost", { machine: "gpu-02" }, { origin: "external" });
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  expect(box.writes).toEqual([]);
});

test("found off: with a person's word it is fenced and brought back, and nothing is cut", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.press("off");
  await rig.clock.sleep(60_000);
  await seenToGo(rig);
  const run = await rig.say("node-lost", { machine: "gpu-02" }, { origin: "external" });
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("ok");
  expect(box.writes.map((write) => write.verb)).toEqual(["power-on"]);
});

for (const [evidence, goesOn] of [
  ["ac-lost", true],
  ["ac-restored", true],
  ["button", false],
  ["turned-off", false],
] as const) {
  test(`found off: with policy and ${evidence} in the log it ${goesOn ? "goes on" : "asks"}`, async () => {
    const rig = await startRig({ machines: rack.map((name) => ({ name, foundOff: "power-on" as const })) });
    const box = rig.world.machine("gpu-02");
    box.bmc.log = [
      { severity: "ok", message: "boot", power: "turned-on", at: "2025-12-01T00:00:00Z" },
      { severity: "critical", message: evidence, power: evidence, at: "2026-01-01T00:00:30Z" },
    ];
    box.press("off");
    await rig.clock.sleep(60_000);
    await seenToGo(rig);
    const run = await rig.say("node-lost", { machine: "gpu-02", openedAt: "2026-01-01T00:02:00Z" }, { origin: "external" });
    if (goesOn) expect(await rig.ended(run)).toBe("ok");
    else await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
    expect(box.writes.map((write) => write.verb)).toEqual(goesOn ? ["power-on"] : []);
  });
}

test("found off: a power loss of last month is no evidence for this one", async () => {
  const rig = await startRig({ machines: rack.map((name) => ({ name, foundOff: "power-on" as const })) });
  const box = rig.world.machine("gpu-02");
  box.bmc.log = [{ severity: "critical", message: "ac restored", power: "ac-restored", at: "2025-12-01T00:00:00Z" }];
  box.press("off");
  await rig.clock.sleep(60_000);
  await seenToGo(rig);
  const run = await rig.say("node-lost", { machine: "gpu-02", openedAt: "2026-01-01T00:02:00Z" }, { origin: "external" });
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  expect(box.writes).toEqual([]);
});

test("found off while it waited for a person: what was read hours ago decides nothing", async () => {
  const rig = await startRig({ machines: rack.map((name) => ({ name, trust: "ask" as const })) });
  const box = rig.world.machine("gpu-02");
  box.hang();
  await rig.clock.sleep(60_000);
  await seenToGo(rig);
  const run = await rig.say("node-lost", { machine: "gpu-02" }, { origin: "external" });
  await rig.until("it asks for trust", async () => (await rig.summary(run))?.status === "asking");
  await rig.clock.sleep(3 * 3_600_000);
  box.press("off");
  await rig.clock.sleep(60_000);
  await rig.answer(run, true);
  await rig.until("it asks again", async () => (await rig.lines(run)).some((line) => line.startsWith('asked "bring it back"')));
  expect(box.writes).toEqual([]);
});

test("a wait between the note and the off does not blind the look at the other nodes", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  const other = rig.world.machine("gpu-03");
  const cluster = rig.world.ports.cluster;
  const cordon = cluster.cordon.bind(cluster);
  Object.assign(cluster, {
    async cordon(...given: Parameters<typeof cordon>) {
      await rig.clock.sleep(3000);
      return cordon(...given);
    },
  });
  box.hang();
  const power = rig.world.ports.power.of("gpu-02");
  const off = power.off.bind(power);
  Object.assign(power, {
    async off(...given: Parameters<typeof off>) {
      const receipt = await off(...given);
      other.hang();
      return receipt;
    },
  });
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("failed");
  expect(await rig.office.settings.freeze()).toBeDefined();
  expect(box.did.taint).toBe(0);
});

test("an API that is away for minutes after the off freezes nobody: nobody could renew", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  const power = rig.world.ports.power.of("gpu-02");
  const off = power.off.bind(power);
  Object.assign(power, {
    async off(...given: Parameters<typeof off>) {
      const receipt = await off(...given);
      void rig.clock.sleep(8000).then(() => {
        rig.world.api.reachable = false;
        return rig.clock.sleep(180_000).then(() => {
          rig.world.api.reachable = true;
        });
      });
      return receipt;
    },
  });
  expect(await rig.ended(await lost(rig))).toBe("ok");
  expect(await rig.office.settings.freeze()).toBeUndefined();
  expect(box.did).toMatchObject({ off: 1, on: 1 });
});

test("a node that died for its own reasons while the off was held does not look like the wrong box", async () => {
  const rig = await startRig({ machines: [...rack, "gpu-04", "gpu-05", "gpu-06", "gpu-07", "gpu-08", "gpu-09", "gpu-10", "gpu-11"] });
  const { cluster } = rig.world.ports;
  const cordon = cluster.cordon.bind(cluster);
  let held = false;
  Object.assign(cluster, {
    async cordon(...given: Parameters<typeof cordon>) {
      const answer = await cordon(...given);
      if (!held) {
        held = true;
        rig.stopFile = "./STOP";
      }
      return answer;
    },
  });
  const run = await lost(rig);
  await rig.until("it waits for the STOP file", async () => (await rig.summary(run))?.reason.includes("STOP"));
  rig.world.machine("gpu-05").hang();
  await rig.clock.sleep(3_600_000);
  rig.stopFile = undefined;
  expect(await rig.ended(run)).toBe("ok");
  expect(await rig.office.settings.freeze()).toBeUndefined();
});

test("a person's power-off takes over from a run that waits for a guard: no quarantine, and it is off", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.pods = [{ name: "web-0", owner: "StatefulSet/web" }];
  const cycle = await rig.say("power-cycle", { machine: "gpu-02" });
  await rig.until("it is cordoned", () => box.node.unschedulable);
  rig.stopFile = "./STOP";
  await rig.until("it waits for the STOP file", async () => (await rig.summary(cycle))?.reason.includes("STOP"));
  const off = await rig.say("power-off-requested", { machine: "gpu-02", hard: true });
  await rig.clock.sleep(60_000);
  rig.stopFile = undefined;
  expect(await rig.ended(cycle)).toBe("superseded");
  expect(await rig.ended(off)).toBe("ok");
  expect((await rig.office.ledger.of("gpu-02")).quarantine).toBeUndefined();
  expect(box.power()).toBe("off");
});

test("power-on works with the cluster's API away: it is on, and proven when the API answers", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  expect(await rig.ended(await rig.say("power-off-requested", { machine: "gpu-02", hard: true }))).toBe("ok");
  rig.world.api.reachable = false;
  const run = await rig.say("power-on-requested", { machine: "gpu-02" });
  await rig.until("it is on", () => box.power() === "on");
  await rig.clock.sleep(60_000);
  rig.world.api.reachable = true;
  expect(await rig.ended(run)).toBe("ok");
  expect(box.node.unschedulable).toBe(false);
});

test("another node goes dark after the off: everything is frozen, nothing tainted", async () => {
  const rig = await startRig({ machines: rack });
  const [box, other] = [rig.world.machine("gpu-02"), rig.world.machine("gpu-04")];
  box.bmc.refuses = () => {
    other.press("off", 1000);
    return undefined;
  };
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("the wrong box may have been cut");
  expect(box.did.taint).toBe(0);
  expect((await rig.office.settings.freeze())?.reason).toContain("gpu-02");
  expect((await rig.office.ledger.of("gpu-02")).quarantine?.reason).toContain("the wrong box may have been cut");
  expect(box.power()).toBe("off");
});

test("reads On while tainted: the taint is taken back, the machine left alone", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.volumes = ["pvc-1"];
  box.host.volumesStuck = true;
  const run = await lost(rig);
  await rig.until("it is tainted", () => box.did.taint === 1);
  box.press("on", 20_000);
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("somebody else is switching it");
  expect(box.node.taintedAt).toBeUndefined();
  expect(box.writes.map((write) => write.verb)).toEqual(["force-off"]);
  expect((await rig.office.ledger.of("gpu-02")).quarantine).toBeDefined();
});

test("a BMC that reads Off while the kubelet answers is another machine's: nothing tainted", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  const run = await lost(rig);
  await rig.until("it is off", () => box.did.off === 1);
  box.host.kubeletAnswers = true;
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("the BMC lies or is another machine's");
  expect(box.did.taint).toBe(0);
});

test("volumes that never let go: the wait is bounded, and it goes on while the machine is off", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.volumes = ["pvc-1"];
  box.host.volumesStuck = true;
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("ok");
  const [off, on] = box.writes;
  expect((on?.at ?? 0) - (off?.at ?? 0)).toBeGreaterThan(360_000);
});

test("overdue return: never cycled again, it stays cordoned and a person is asked", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.host.neverBoots = true;
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("It is not cycled again");
  await rig.clock.sleep(3_600_000);
  expect(box.writes.map((write) => write.verb)).toEqual(["force-off", "power-on"]);
  const { quarantine, left } = await rig.office.ledger.of("gpu-02");
  expect(quarantine?.reason).toContain("has not booted into the cluster in time");
  expect(left?.obligations.map((open) => open.kind).sort()).toEqual(["cordon", "out-of-service-taint"]);
});

test("GPU missing after boot: stays cordoned, says how many were expected", async () => {
  const rig = await startRig({ machines: rack.map((name) => ({ name, gpus: 2 })) });
  const box = rig.world.machine("gpu-02");
  box.host.gpusMissing = 1;
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("not Ready with 2 GPUs in time");
  expect(box.node).toMatchObject({ unschedulable: true, taintedAt: undefined });
  expect((await rig.office.ledger.of("gpu-02")).quarantine).toBeDefined();
});

test("quarantine and release: the next run inherits and cleans up what was left", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.host.neverBoots = true;
  const failed = await lost(rig);
  expect(await rig.ended(failed)).toBe("failed");
  // With its incident open, another round of recovery would begin beside what people do.
  await rig.office.incidents.close("gpu-02", rig.clock.now());
  box.host.neverBoots = false;
  box.press("off");
  const refused = await rig.say("power-on-requested", { machine: "gpu-02" });
  expect(await rig.ended(refused)).toBe("refused");
  expect(await lastOf(rig, refused)).toContain("quarantined since");
  expect(box.power()).toBe("off");

  await rig.say("hold-released", { scope: "machine", name: "gpu-02" });
  expect((await rig.office.ledger.of("gpu-02")).quarantine).toBeUndefined();
  const run = await rig.say("power-on-requested", { machine: "gpu-02" });
  expect(await rig.ended(run)).toBe("ok");
  expect(await rig.lines(run)).toContain("inherited cordon, out-of-service-taint");
  expect(box.node).toMatchObject({ unschedulable: false, taintedAt: undefined, cordonedBy: undefined });
  const ledger = await rig.office.ledger.of("gpu-02");
  expect([ledger.left, ledger.quarantine]).toEqual([undefined, undefined]);
});
