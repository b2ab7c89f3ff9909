import { expect, test } from "vitest";
import { lost, rack, startRig } from "./rig.ts";

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
  await rig.answer(again, true);
  expect(await rig.ended(again)).toBe("ok");
  const [started] = await rig.journal(again);
  const dead = letter?.event as { id: string };
  expect(started?.is === "started" && started.event.lscause).toBe(dead.id);
  expect(box.node).toMatchObject({ unschedulable: false, taintedAt: undefined });
});
