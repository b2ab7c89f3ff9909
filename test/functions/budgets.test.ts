import { expect, test } from "vitest";
import { lastOf, lost, rack, shows, startRig, untouched } from "./rig.ts";

test("the same workload on two lost hosts within a day: asks and names it", async () => {
  const rig = await startRig({ machines: rack, watch: true });
  await rig.clock.sleep(120_000);
  for (const name of ["gpu-02", "gpu-07"]) {
    rig.world.machine(name).pods = [
      { name: `ckpt-${name}`, owner: "Job/checkpoint" },
      { name: "cilium", daemonSet: true, owner: "DaemonSet/cilium" },
    ];
  }
  rig.world.machine("gpu-02").hang();
  await rig.clock.sleep(3_600_000);
  expect(rig.world.machine("gpu-02").did.on).toBe(1);
  rig.world.machine("gpu-07").hang();
  await rig.until("it is missed", async () => (await rig.runsOf("gpu-07")).length > 0);
  const [run] = await rig.runsOf("gpu-07");
  await shows(rig, run?.run ?? "", "Job/checkpoint ran on gpu-02 too when it was lost within a day");
  expect(rig.world.machine("gpu-07").did).toEqual(untouched);
});

test("budgets: two in six hours, then quarantine and a person", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  for (let round = 0; round < 2; round += 1) {
    expect(await rig.ended(await lost(rig))).toBe("ok");
    await rig.clock.sleep(3_600_000);
  }
  const third = await lost(rig);
  expect(await rig.ended(third)).toBe("refused");
  expect(await lastOf(rig, third)).toContain("gpu-02 has used up its budget (2/6h, by runs ");
  expect((await rig.office.ledger.of("gpu-02")).quarantine).toMatchObject({ run: third });
  expect(box.writes).toHaveLength(4);
});

test("budgets: the fleet's limit makes a run wait, and it goes on when the window has passed", async () => {
  const rig = await startRig({ machines: rack });
  for (const name of ["gpu-01", "gpu-02", "gpu-03", "gpu-04"]) expect(await rig.ended(await lost(rig, name))).toBe("ok");
  const fifth = await lost(rig, "gpu-05");
  await shows(rig, fifth, "the fleet's budget is used up (4/24h, by runs ");
  expect(rig.world.machine("gpu-05").did).toEqual(untouched);
  expect(await rig.office.reservations.uses("machine/gpu-05")).toEqual([]);
  await rig.clock.sleep(23 * 3_600_000);
  expect(rig.world.machine("gpu-05").did).toEqual(untouched);
  await rig.clock.sleep(3_600_000);
  expect(await rig.ended(fifth)).toBe("ok");
});
