import { expect, test } from "vitest";
import { lost, type Rig, rack, shows, startRig } from "./rig.ts";

/** It is lost, cycled, and does not come back; then somebody releases it. Answers the failed run and the round that follows. */
async function released(rig: Rig) {
  const box = rig.world.machine("gpu-02");
  await rig.clock.sleep(120_000);
  box.host.neverBoots = true;
  box.hang();
  await rig.until("it is missed", async () => (await rig.runsOf("gpu-02")).length === 1);
  const [failed] = await rig.runsOf("gpu-02");
  expect(await rig.ended(failed?.run ?? "")).toBe("failed");
  await rig.say("hold-released", { scope: "machine", name: "gpu-02" });
  await rig.until("another round begins", async () => (await rig.runsOf("gpu-02")).length === 2);
  const [, next] = await rig.runsOf("gpu-02");
  return { box, failed: failed?.run ?? "", next: next?.run ?? "" };
}

const verbs = (box: ReturnType<Rig["world"]["machine"]>) => box.writes.map((write) => write.verb);

test("an overdue return that was released is not cycled again without a person's word", async () => {
  const rig = await startRig({ machines: rack, watch: true });
  const { box, failed, next } = await released(rig);
  await shows(rig, next, `Run ${failed} already cycled it for this incident at 2026-01-01T`);
  await rig.clock.sleep(6 * 3_600_000);
  expect(verbs(box)).toEqual(["force-off", "power-on"]);
  await rig.answer(next, false, "bob");
  expect(await rig.ended(next)).toBe("denied");
  expect(verbs(box)).toEqual(["force-off", "power-on"]);
});

test("an overdue return that was released is cycled once more when a person says so", async () => {
  const rig = await startRig({ machines: rack, watch: true });
  const { box, next } = await released(rig);
  box.host.neverBoots = false;
  await rig.answer(next, true);
  expect(await rig.ended(next)).toBe("ok");
  expect(verbs(box)).toEqual(["force-off", "power-on", "force-off", "power-on"]);
  expect((await rig.journal(next)).filter((entry) => entry.is === "asked")).toHaveLength(1);
});

test("a run that another program began counts for the incident it worked in", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.host.neverBoots = true;
  const failed = await lost(rig);
  expect(await rig.ended(failed)).toBe("failed");
  await rig.say("hold-released", { scope: "machine", name: "gpu-02" });
  await rig.until("another round begins", async () => (await rig.runsOf("gpu-02")).length === 2);
  await shows(rig, (await rig.runsOf("gpu-02"))[1]?.run ?? "", `Run ${failed} already cycled it`);
  await rig.clock.sleep(6 * 3_600_000);
  expect(verbs(box)).toEqual(["force-off", "power-on"]);
});

test("a machine that came back and is lost anew is another incident", async () => {
  const rig = await startRig({ machines: rack, watch: true });
  const box = rig.world.machine("gpu-02");
  for (let round = 1; round <= 2; round += 1) {
    await rig.clock.sleep(3_600_000);
    box.hang();
    await rig.until("it is missed", async () => (await rig.runsOf("gpu-02")).length === round);
    expect(await rig.ended((await rig.runsOf("gpu-02"))[round - 1]?.run ?? "")).toBe("ok");
  }
  expect(verbs(box)).toEqual(["force-off", "power-on", "force-off", "power-on"]);
});

test("a run that touched nothing does not count", async () => {
  const rig = await startRig({ machines: rack.map((name) => ({ name, trust: "observe" as const })), watch: true });
  const box = rig.world.machine("gpu-02");
  await rig.clock.sleep(120_000);
  box.hang();
  await rig.until("it is missed", async () => (await rig.runsOf("gpu-02")).length === 1);
  expect(await rig.ended((await rig.runsOf("gpu-02"))[0]?.run ?? "")).toBe("observed");
  await rig.say("trust-changed", { scope: "machine", name: "gpu-02", trust: "auto" });
  await rig.until("another round begins", async () => (await rig.runsOf("gpu-02")).length === 2);
  expect(await rig.ended((await rig.runsOf("gpu-02"))[1]?.run ?? "")).toBe("ok");
});
