import { expect, test } from "vitest";
import { lastOf, lost, rack, startRig } from "./rig.ts";

test("wrong box: a BMC that reports another uuid is refused, and nothing is left behind", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.bmc.identity = { uuids: ["4c4c4544-0033-4a10-8051-c7c04f5a32ff"] };
  const recovery = await lost(rig);
  expect(await rig.ended(recovery)).toBe("refused");
  expect(await lastOf(rig, recovery)).toContain("this BMC belongs to another machine");
  for (const type of ["power-off-requested", "power-cycle"]) {
    const run = await rig.say(type, { machine: "gpu-02", hard: true });
    expect(await rig.ended(run)).toBe("refused");
  }
  expect(box.writes).toEqual([]);
  expect(box.node.unschedulable).toBe(false);
  expect((await rig.office.ledger.of("gpu-02")).quarantine).toBeUndefined();
});

test("wrong box: another serial is refused", async () => {
  const rig = await startRig({ machines: rack });
  rig.world.machine("gpu-02").bmc.identity = { serial: "SN7K3Q99" };
  const run = await rig.say("power-off-requested", { machine: "gpu-02", hard: true });
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("serial SN7K3Q99");
});

test("wrong box: where the guard was deceived, the act's own session refuses, and a person is asked", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  const power = rig.world.ports.power.of("gpu-02");
  const honest = await power.identity();
  Object.assign(power, { identity: async () => honest });
  box.bmc.identity = { uuids: ["4c4c4544-0033-4a10-8051-c7c04f5a32ff"] };
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("parked");
  expect(await lastOf(rig, run)).toContain("this BMC says it is 4c4c4544-0033-4a10-8051-c7c04f5a32ff");
  expect(box.writes).toEqual([]);
  expect(box.did.taint).toBe(0);
});

test("swapped Node names: the Node runs on another box than the BMC's", async () => {
  const rig = await startRig({ machines: rack });
  const [a, b] = [rig.world.machine("gpu-02"), rig.world.machine("gpu-03")];
  a.node.systemUUID = b.facts.uuid;
  b.node.systemUUID = a.facts.uuid;
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("names are swapped");
  expect([a.writes, b.writes]).toEqual([[], []]);
});
