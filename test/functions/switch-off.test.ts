import { expect, test } from "vitest";
import { type Rig, rack, startRig } from "./rig.ts";

const off = (rig: Rig, machine = "gpu-02", data: object = {}) => rig.say("power-off-requested", { machine, ...data });
const sent = (rig: Rig, machine = "gpu-02") => rig.world.machine(machine).writes.map(({ verb }) => verb);

test("a machine is drained, then switched off by its own Talos, and its BMC only tells that it is off", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  expect(await rig.ended(await off(rig))).toBe("ok");
  expect(box.did).toMatchObject({ drain: 1, shutdown: 1, off: 1 });
  expect(sent(rig)).toEqual([]);
  expect(box.power()).toBe("off");
});

test.each([
  ["is silent", (rig: Rig) => Object.assign(rig.world.machine("gpu-02").system.faults, { silent: true })],
  ["is another cluster's", (rig: Rig) => Object.assign(rig.world.machine("gpu-02").system.faults, { foreign: true })],
  ["lets us only read", (rig: Rig) => Object.assign(rig.world.ports.talos, { credential: () => ({ expiresAt: 0, roles: ["os:reader"] }) })],
])("where its Talos %s, the BMC asks the operating system", async (_, make) => {
  const rig = await startRig({ machines: rack });
  make(rig);
  expect(await rig.ended(await off(rig))).toBe("ok");
  expect(sent(rig)).toEqual(["power-off"]);
  expect(rig.world.machine("gpu-02").did.shutdown).toBe(0);
});

test("power that is to be cut is cut by the BMC, whatever its Talos is like", async () => {
  const rig = await startRig({ machines: rack });
  expect(await rig.ended(await off(rig, "gpu-02", { hard: true }))).toBe("ok");
  expect(sent(rig)).toEqual(["force-off"]);
  expect(rig.world.machine("gpu-02").did.shutdown).toBe(0);
});

test("a shutdown that another sequence locks out is tried once more, then a person is asked, and the power is not cut", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.system.faults.sequences = { end: "refused", seen: "shutdown: locked" };
  const run = await off(rig);
  expect(await rig.ended(run)).toBe("parked");
  expect((await rig.lines(run)).join("\n")).toContain("locked");
  expect(sent(rig)).toEqual([]);
  expect(box.power()).toBe("on");
});

test("a system that does not go down says nothing until its time is over: then a person is asked, and the power is not cut", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.system.faults.sequences = { end: "done", seen: "" };
  const run = await off(rig);
  expect(await rig.ended(run)).toBe("parked");
  expect((await rig.lines(run)).join("\n")).toContain("still power On, 5m after it was asked to shut down");
  expect(sent(rig)).toEqual([]);
});

test("a control plane hands on the leadership of etcd before it goes off, gently or hard", async () => {
  const trio = ["cp-01", "cp-02", "cp-03"].map((name) => ({ name, role: "control-plane" as const }));
  for (const hard of [false, true]) {
    const rig = await startRig({ machines: trio, etcd: true });
    const leader = rig.world.etcd.leader()?.machine ?? "";
    const run = await off(rig, leader, { hard });
    expect(await rig.ended(run)).toBe("ok");
    expect((await rig.lines(run)).join("\n")).toMatch(/hand on the leadership of etcd" "handed on to cp-0[23]"/);
    expect(rig.world.violations()).toEqual([]);
  }
});
