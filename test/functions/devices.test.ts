import { expect, test } from "vitest";
import { lastOf, lost, rack, startRig } from "./rig.ts";

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
  expect(lines).toContain('outcome "power off" done: power Off');
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

test("a BMC that reads null is neither on nor off: nothing is sent, a person is asked", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.bmc.reads = { state: "unknown", raw: "null" };
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("parked");
  expect(await lastOf(rig, run)).toContain("the state of gpu-02 cannot be read: power null");
  expect(box.writes).toEqual([]);
  expect(box.did.taint).toBe(0);
});

test("a BMC that falls silent between the off and the second reading: waits for it, taints only what reads Off", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  const run = await lost(rig);
  await rig.until("it is off", () => box.did.off === 1);
  await rig.clock.sleep(3000);
  box.bmc.silent = true;
  await rig.clock.sleep(60_000);
  expect(box.did.taint).toBe(0);
  box.bmc.silent = false;
  expect(await rig.ended(run)).toBe("ok");
  expect(box.did).toMatchObject({ off: 1, on: 1, taint: 1 });
});
