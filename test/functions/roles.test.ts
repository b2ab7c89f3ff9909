import { expect, test } from "vitest";
import type { ActIntent } from "#events";
import { roleGuard } from "#functions/guards/machine.ts";
import { lastOf, lost, type Rig, rack, startRig, untouched } from "./rig.ts";

test("control plane refused, but switching one on is always allowed", async () => {
  const rig = await startRig({ machines: [...rack, { name: "cp-01", role: "control-plane" }] });
  const box = rig.world.machine("cp-01");
  for (const [type, data] of [
    ["power-off-requested", { machine: "cp-01" }],
    ["power-cycle", { machine: "cp-01", hard: true }],
  ] as const) {
    const run = await rig.say(type, data);
    expect(await rig.ended(run)).toBe("refused");
    expect(await lastOf(rig, run)).toContain("etcd could lose its majority");
  }
  expect(box.did).toEqual(untouched);
  box.press("off");
  expect(await rig.ended(await rig.say("power-on-requested", { machine: "cp-01" }))).toBe("ok");
});

test("self-protection: the machine that carries Lightsout is powered only when an operator names it again", async () => {
  const rig = await startRig({ machines: [...rack, { name: "box-01", carriesLightsout: true }] });
  const box = rig.world.machine("box-01");
  const off = (data: object, origin: "operator" | "external" = "operator") =>
    rig.say("power-off-requested", { machine: "box-01", hard: true, ...data }, { origin });
  expect(await rig.ended(await off({}))).toBe("refused");
  expect(await rig.ended(await off({ confirm: "box-02" }))).toBe("refused");
  expect(await rig.ended(await off({ confirm: "box-01" }, "external"))).toBe("refused");
  expect(box.did).toEqual(untouched);
  expect(await rig.ended(await off({ confirm: "box-01" }))).toBe("ok");
});

/** Its Node is a control-plane node, whatever the inventory says. */
function promote(rig: Rig, machine: string): void {
  const { cluster } = rig.world.ports;
  const node = cluster.node.bind(cluster);
  Object.assign(cluster, {
    async node(name: string, signal?: AbortSignal) {
      const view = await node(name, signal);
      return view && name === machine ? { ...view, controlPlane: true } : view;
    },
  });
}

test("the inventory says worker, the cluster control plane: nothing takes it away, and the contradiction is named", async () => {
  const rig = await startRig({ machines: rack });
  promote(rig, "gpu-02");
  const box = rig.world.machine("gpu-02");
  for (const type of ["power-off-requested", "power-cycle"]) {
    const run = await rig.say(type, { machine: "gpu-02", hard: true });
    expect(await rig.ended(run)).toBe("refused");
    expect(await lastOf(rig, run)).toContain("the inventory says worker, but Node gpu-02 is a control-plane node");
  }
  const run = await lost(rig);
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("etcd could lose its majority");
  expect(box.did).toEqual(untouched);
  expect(await rig.ended(await rig.say("power-off-requested", { machine: "gpu-03", hard: true }))).toBe("ok");
});

test("the inventory says worker, the cluster control plane: switching it on is allowed", async () => {
  const rig = await startRig({ machines: rack });
  promote(rig, "gpu-02");
  rig.world.machine("gpu-02").press("off");
  expect(await rig.ended(await rig.say("power-on-requested", { machine: "gpu-02" }))).toBe("ok");
});

test("a cluster that does not answer is no answer about a role", async () => {
  const rig = await startRig({ machines: rack });
  const { inventory, cluster } = rig.world.ports;
  rig.world.api.reachable = false;
  const { check } = roleGuard({ inventory, node: (machine) => cluster.node(machine) });
  const intent = (verb: "force-off" | "power-on") => ({ machine: "gpu-02", verb }) as ActIntent;
  await expect(check(intent("force-off"))).rejects.toThrow("connection refused");
  expect((await check(intent("power-on"))).says).toBe("allow");
});
