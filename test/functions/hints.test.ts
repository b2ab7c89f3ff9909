import { expect, test } from "vitest";
import { lastOf, type Rig, rack, seenToGo, shows, startRig, untouched } from "./rig.ts";

const hint = (rig: Rig) => rig.say("node-lost", { machine: "gpu-02" }, { origin: "external" });

test("another program's word: what Lightsout has not seen go itself waits, and is fenced when it has", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.hang();
  await rig.clock.sleep(60_000);
  const run = await hint(rig);
  await shows(rig, run, "Lightsout itself has not seen it go yet");
  await rig.clock.sleep(6 * 3_600_000);
  expect(box.did).toEqual(untouched);
  await seenToGo(rig);
  expect(await rig.ended(run)).toBe("ok");
  expect(box.writes.map((write) => write.verb)).toEqual(["force-off", "power-on"]);
});

test("another program's word: an incident that has ended says nothing about a loss that nobody saw", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  await seenToGo(rig);
  await rig.office.incidents.close("gpu-02", rig.clock.now());
  box.hang();
  await rig.clock.sleep(60_000);
  await shows(rig, await hint(rig), "has not seen it go yet");
  await rig.clock.sleep(3_600_000);
  expect(box.did).toEqual(untouched);
});

test("another program's word: the incident of another machine counts for that machine alone", async () => {
  const rig = await startRig({ machines: rack });
  rig.world.machine("gpu-02").hang();
  await rig.clock.sleep(60_000);
  await seenToGo(rig, "gpu-03");
  await shows(rig, await hint(rig), "has not seen it go yet");
  expect(rig.world.machine("gpu-02").did).toEqual(untouched);
});

test("another program's word: a Node that is Ready after all is refused", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.isolate();
  await rig.clock.sleep(60_000);
  const run = await hint(rig);
  await shows(rig, run, "has not seen it go yet");
  box.isolate(false);
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("Node gpu-02 is Ready: there is nothing to recover");
  expect(box.did).toEqual(untouched);
});

test("another program's word: damage older than the watch is not recovered on it", async () => {
  const rig = await startRig({ machines: rack, watch: true, patience: "10m" });
  const box = rig.world.machine("gpu-02");
  box.hang();
  await rig.clock.sleep(120_000);
  expect(await rig.office.incidents.of("gpu-02")).toBeUndefined();
  await hint(rig);
  await rig.clock.sleep(3_600_000);
  expect(await rig.office.incidents.of("gpu-02")).toBeUndefined();
  expect(box.did).toEqual(untouched);
});
