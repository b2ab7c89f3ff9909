import { expect, test } from "vitest";
import { lost, rack, shows, startRig, untouched } from "./rig.ts";

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

test("a run that was held looks again: what shows a sign of life is waited for", async () => {
  const rig = await startRig({ machines: rack });
  await rig.say("freeze-requested", { reason: "moving racks" });
  const box = rig.world.machine("gpu-02");
  const run = await lost(rig);
  await shows(rig, run, "frozen by alice");
  box.bmc.activity = { firmwareUpdate: true, raw: "updating BIOS" };
  await rig.say("freeze-released", {});
  await shows(rig, run, "a firmware update is running: updating BIOS");
  await rig.clock.sleep(600_000);
  expect(box.writes).toEqual([]);
  box.bmc.activity = { firmwareUpdate: false, raw: "idle" };
  expect(await rig.ended(run)).toBe("ok");
});
