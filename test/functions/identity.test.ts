import { expect, test } from "vitest";
import { lastOf, lost, type Rig, rack, shows, startRig } from "./rig.ts";

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

const zeros = "00000000-0000-0000-0000-000000000000";
/** A box that only its serial tells from another: the firmware left its uuid out. */
const nameless = (rig: Rig) => {
  const box = rig.world.machine("gpu-02");
  Object.assign(box.facts, { uuid: undefined });
  box.bmc.identity = { uuids: [zeros] };
  box.node.systemUUID = "5b1b0c3a-8f0e-4a57-9a62-6d7e0f6f2a11";
  return box;
};

test("a Node that nothing ties to the machine: a person is asked once, before the first act", async () => {
  const rig = await startRig({ machines: rack });
  const box = nameless(rig);
  const run = await lost(rig);
  await shows(rig, run, "Node gpu-02 cannot be tied to gpu-02: BMC and inventory agree by serial");
  expect(box.writes).toEqual([]);
  expect(box.node.unschedulable).toBe(false);
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("ok");
  expect((await rig.journal(run)).filter((entry) => entry.is === "asked")).toHaveLength(1);
});

test("a Node that tells a placeholder: a person's power-off asks, and no is no", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.node.systemUUID = zeros;
  const run = await rig.say("power-off-requested", { machine: "gpu-02", hard: true });
  await shows(rig, run, "BMC and inventory agree by uuid, and it tells no usable uuid");
  await rig.answer(run, false, "bob");
  expect(await rig.ended(run)).toBe("denied");
  expect(box.writes).toEqual([]);
});

test("a Node that nothing ties to the machine never keeps it off", async () => {
  const rig = await startRig({ machines: rack });
  const box = nameless(rig);
  box.press("off");
  expect(await rig.ended(await rig.say("power-on-requested", { machine: "gpu-02" }))).toBe("ok");
  expect(box.power()).toBe("on");
});

test("a person's yes to a Node that proves nothing is not a yes to another machine's BMC", async () => {
  const rig = await startRig({ machines: rack });
  const box = nameless(rig);
  const run = await rig.say("power-off-requested", { machine: "gpu-02", hard: true });
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  box.bmc.identity = { uuids: [zeros], serial: "SN7K3Q99" };
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("this BMC belongs to another machine");
  expect(box.writes).toEqual([]);
});

test("with its BMC silent, a cordon asks where the inventory has no uuid to compare the Node with", async () => {
  const rig = await startRig({ machines: rack });
  const box = nameless(rig);
  box.bmc.silent = true;
  const run = await lost(rig);
  await shows(rig, run, "no BMC answers, and the inventory gives no uuid");
  expect(box.node.unschedulable).toBe(false);
});
