import { expect, test } from "vitest";
import type { FunctionSpec } from "#events";
import drill from "#functions/drill.ts";
import { drillLapsed, trustNow } from "#functions/guards/mod.ts";
import nodeLost from "#functions/node-lost.ts";
import { lastOf, lost, type Rig, rack, shows, startRig, untouched } from "./rig.ts";

const functions: readonly FunctionSpec[] = [drill, nodeLost];
const asked = "trust is auto, but it has passed no drill: lightsout drill gpu-02";

async function drilled(rig: Rig, approve = true): Promise<string> {
  const run = await rig.say("drill-requested", { machine: "gpu-02" });
  await rig.answer(run, approve, "bob");
  expect(await rig.ended(run)).toBe(approve ? "ok" : "denied");
  return run;
}

test("a drill drains, switches off and on, proves the return, and keeps what it measured", async () => {
  const rig = await startRig({ machines: rack, functions });
  const run = await drilled(rig);
  const box = rig.world.machine("gpu-02");
  expect(box.did).toMatchObject({ cordon: 1, off: 1, on: 1, uncordon: 1 });
  const kept = await rig.office.settings.drill("gpu-02");
  expect(kept).toMatchObject({ run, hardware: { uuid: box.facts.uuid } });
  expect(kept?.offMs).toBeGreaterThan(0);
  expect(kept?.bootMs).toBeGreaterThan(0);
  expect(await rig.lines(run)).toContainEqual(expect.stringContaining("tell that it passed"));
});

test("whoever says no to a drill has nothing touched, and it counts for nothing", async () => {
  const rig = await startRig({ machines: rack, functions });
  await drilled(rig, false);
  expect(rig.world.machine("gpu-02").did).toEqual(untouched);
  expect(await rig.office.settings.drill("gpu-02")).toBeUndefined();
});

test("a machine that does not come back has passed nothing", async () => {
  const rig = await startRig({ machines: rack, functions });
  rig.world.machine("gpu-02").host.neverBoots = true;
  const run = await rig.say("drill-requested", { machine: "gpu-02" });
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("failed");
  expect(await rig.office.settings.drill("gpu-02")).toBeUndefined();
  expect(rig.world.machine("gpu-02").did).toMatchObject({ off: 1, on: 1 });
});

test("auto rests on a drill: without one recovery asks, with one it acts", async () => {
  const rig = await startRig({ machines: rack, functions, drills: true });
  const first = await lost(rig);
  await shows(rig, first, asked);
  await rig.answer(first, true);
  expect(await rig.ended(first)).toBe("ok");
  await drilled(rig);
  // Until its budget is free again.
  await rig.clock.sleep(7 * 3_600_000);
  const second = await lost(rig);
  expect(await rig.ended(second)).toBe("ok");
  expect((await rig.journal(second)).filter((entry) => entry.is === "asked")).toEqual([]);
});

test.each([
  ["address", { bmc: { kind: "redfish", address: "10.0.1.99" } }, "its address was 10.0.1.2 at its drill and is 10.0.1.99 now"],
  ["GPUs", { gpus: 8 }, "it had 0 GPUs at its drill and is to have 8 now"],
])("a drill lapses when the machine's %s in the inventory are others", async (_, change, why) => {
  const rig = await startRig({ machines: rack, functions, drills: true });
  await drilled(rig);
  const { facts } = rig.world.machine("gpu-02");
  const { settings } = rig.office;
  expect(await drillLapsed("gpu-02", settings, rig.world.ports)).toBeUndefined();
  Object.assign(facts, change);
  expect(await trustNow("gpu-02", settings, rig.world.ports.inventory, (name) => drillLapsed(name, settings, rig.world.ports))).toEqual({
    set: "auto",
    inForce: "ask",
    why: `${why}: lightsout drill gpu-02`,
  });
});

test.each([
  ["firmware", "4.40.00"],
  ["serial", "ANOTHER1"],
])("a drill lapses when the BMC's %s is another one", async (what, value) => {
  const rig = await startRig({
    machines: [...rack.map((name) => ({ name, ...(what === "serial" ? { serial: "CZC1" } : {}) }))],
    functions,
    drills: true,
  });
  await drilled(rig);
  rig.world.machine("gpu-02").bmc.identity = { [what]: value };
  const run = await lost(rig);
  await shows(rig, run, what);
  expect(await lastOf(rig, run)).not.toContain("power-on");
});
