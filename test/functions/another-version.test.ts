import { expect, test } from "vitest";
import { lastOf, lost, type Rig, rack, startRig } from "./rig.ts";

/** Another version lies beside what runs, and starts next. */
function arm(rig: Rig, version: string, machine = "gpu-02"): void {
  const { system } = rig.world.machine(machine);
  Object.assign(system, { slots: { ...system.slots, b: { version, schematic: system.running?.schematic } }, next: "b" });
}

test.each([
  ["an upgrade that was installed and never started", "v1.14.0"],
  ["a version that was gone back from", "v1.12.11"],
])("power-cycle that starts %s: it is back, but not what went away, so it stays cordoned and a person is told", async (_, version) => {
  const rig = await startRig({ machines: rack });
  arm(rig, version);
  const run = await rig.say("power-cycle", { machine: "gpu-02", hard: true });
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain(`gpu-02 is back and runs Talos (${version}), where it ran Talos (v1.13.9)`);
  expect(rig.world.machine("gpu-02").node.unschedulable).toBe(true);
  expect((await rig.office.ledger.of("gpu-02")).quarantine?.reason).toBeTruthy();
});

test("a lost machine that comes back with another version is recovered, and not put back into service", async () => {
  const rig = await startRig({ machines: rack });
  arm(rig, "v1.14.0");
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("runs Talos (v1.14.0), where it ran Talos (v1.13.9)");
  expect(rig.world.machine("gpu-02").did).toMatchObject({ off: 1, on: 1, untaint: 1, uncordon: 0 });
});

test("a machine that was off and is switched on is held against what its Node said last", async () => {
  const rig = await startRig({ machines: rack });
  expect(await rig.ended(await rig.say("power-off-requested", { machine: "gpu-02", hard: true }))).toBe("ok");
  arm(rig, "v1.14.0");
  const run = await rig.say("power-on-requested", { machine: "gpu-02" });
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("runs Talos (v1.14.0)");
});
