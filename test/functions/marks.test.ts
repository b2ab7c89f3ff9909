import { expect, test } from "vitest";
import { defineFunction, powerCycle, powerOn } from "#functions/mod.ts";
import { lastOf, rack, startRig } from "./rig.ts";

const done: string[] = [];

/** A user's function that sets a mark of its own in a plain step, works for a while, and acts. */
const marking = defineFunction(
  { id: "marking", on: powerCycle, uses: ["inventory", "power"], acts: ["power-on"], aim: "on", timeout: "1h" },
  async ({ event, step, ports }) => {
    const { machine } = event.data;
    const leaves = { kind: "arm", machine, undo: `lightsout disarm ${machine}` } as const;
    await step.run("arm it", () => void done.push(machine), { leaves });
    await step.sleep("work", "10m");
    await step.act("power on", powerOn(machine, ports));
    await step.run("disarm it", () => undefined, { clears: "arm" });
  },
);

test("a plain step that leaves a mark is guarded like an act: under observe it sets nothing and leaves nothing", async () => {
  done.length = 0;
  const rig = await startRig({ machines: rack.map((name) => ({ name, trust: "observe" as const })), functions: [marking] });
  const run = await rig.say("power-cycle", { machine: "gpu-02" });
  expect(await rig.ended(run)).toBe("observed");
  expect(done).toEqual([]);
  expect(await lastOf(rig, run)).toContain("trust is observe");
  expect((await rig.office.ledger.of("gpu-02")).quarantine).toBeUndefined();
});

test("a hold placed after a mark was set is waited for, with the mark", async () => {
  done.length = 0;
  const rig = await startRig({ machines: rack, functions: [marking] });
  const box = rig.world.machine("gpu-02");
  box.press("off");
  const run = await rig.say("power-cycle", { machine: "gpu-02" });
  await rig.until("it is armed", () => done.length > 0);
  await rig.say("hold-requested", { scope: "machine", name: "gpu-02", reason: "I have it open" }, { actor: "bob" });
  await rig.clock.sleep(3_600_000);
  expect(box.writes).toEqual([]);
  expect(await rig.summary(run)).toMatchObject({ status: "waiting", obligations: [{ kind: "arm" }] });
  await rig.say("hold-released", { scope: "machine", name: "gpu-02" });
  expect(await rig.ended(run)).toBe("ok");
  expect((await rig.summary(run))?.obligations).toEqual([]);
});
