import { expect, test } from "vitest";
import { scorecard } from "#config/shadow.ts";
import { type Rig, rack, startRig } from "#test/functions/rig.ts";

/** So far that no two losses are a storm. */
const apart = 25 * 60_000;

/** It goes dark, and its run has seen that nothing may be done. */
async function goes(rig: Rig, machine: string, how: "isolate" | "hang" = "isolate"): Promise<void> {
  rig.world.machine(machine)[how]();
  await rig.until(`${machine} was decided on`, async () =>
    (await rig.runsOf(machine)).some(({ function: name, status }) => name === "node-lost" && status === "finished"),
  );
  await rig.clock.sleep(apart);
}

test("what would have been done, by every guard's word, and what then happened", async () => {
  const rig = await startRig({ machines: rack.map((name) => ({ name, trust: "observe" as const, pet: name === "gpu-05" })), watch: true });
  await rig.clock.sleep(120_000);
  expect(await scorecard(rig.worker, 14)).toMatchObject({ totals: { decided: 0 }, rows: [] });

  await goes(rig, "gpu-02");
  rig.world.machine("gpu-02").isolate(false);
  await goes(rig, "gpu-03", "hang");
  await rig.say("trust-changed", { scope: "machine", name: "gpu-03", trust: "ask" });
  expect(await rig.ended(await rig.say("power-cycle", { machine: "gpu-03", hard: true }))).toBe("ok");
  await goes(rig, "gpu-04");
  await goes(rig, "gpu-05");

  const { rows, totals } = await scorecard(rig.worker, 14);
  expect(totals).toEqual({ decided: 4, cameBackAlone: 1, switchedLater: 1, open: 2, heldBack: 1 });
  expect(rows.map((row) => [row.machine, row.then, row.heldBackBy])).toEqual([
    ["gpu-02", "came-back-alone", []],
    ["gpu-03", "switched-later", []],
    ["gpu-04", "open", []],
    ["gpu-05", "open", ["pet"]],
  ]);
  expect(rows[0]?.verdicts.map(({ guard }) => guard)).toEqual(rig.office.guards.map(({ name }) => name));
  expect(rows[0]).toMatchObject({ function: "node-lost", would: expect.stringContaining("force-off"), afterMs: expect.any(Number) });
  for (const { machine } of rows) if (machine !== "gpu-03") expect(rig.world.machine(machine).writes, machine).toEqual([]);

  await rig.clock.sleep(apart);
  expect(await scorecard(rig.worker, apart / 86_400_000)).toMatchObject({ totals: { decided: 0 } });
});
