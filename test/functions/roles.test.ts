import { expect, test } from "vitest";
import type { ActIntent } from "#events";
import { quorumGuard } from "#functions/guards/quorum.ts";
import { lastOf, lost, type Rig, rack, startRig, untouched } from "./rig.ts";

const controlPlanes = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `cp-0${index + 1}`, role: "control-plane" as const }));

test("the only control plane goes down for a person who names it again, and for nobody else", async () => {
  const rig = await startRig({ machines: [...rack, ...controlPlanes(1)] });
  const box = rig.world.machine("cp-01");
  for (const [type, data] of [
    ["power-off-requested", { machine: "cp-01" }],
    ["power-cycle", { machine: "cp-01", hard: true }],
    ["power-cycle", { machine: "cp-01", hard: true, confirm: "cp-02" }],
  ] as const) {
    const run = await rig.say(type, data);
    expect(await rig.ended(run)).toBe("refused");
    expect(await lastOf(rig, run)).toContain("etcd could lose its majority: cp-01 is the only etcd member");
  }
  expect(box.did).toEqual(untouched);
  expect(await rig.ended(await rig.say("power-off-requested", { machine: "cp-01", hard: true, confirm: "cp-01" }))).toBe("ok");
  expect(await rig.ended(await rig.say("power-on-requested", { machine: "cp-01" }))).toBe("ok");
});

test("of three control planes one may go, and the next only when it is back", async () => {
  const rig = await startRig({ machines: [...rack, ...controlPlanes(3)], etcd: true });
  expect(await rig.ended(await rig.say("power-off-requested", { machine: "cp-02", hard: true }))).toBe("ok");
  const second = await rig.say("power-off-requested", { machine: "cp-03", hard: true });
  expect(await rig.ended(second)).toBe("refused");
  expect(await lastOf(rig, second)).toContain("etcd member cp-02 does not answer");
  expect(await rig.ended(await rig.say("power-on-requested", { machine: "cp-02" }))).toBe("ok");
  expect(await rig.ended(await rig.say("power-cycle", { machine: "cp-03", hard: true }))).toBe("ok");
  expect(rig.world.violations()).toEqual([]);
});

test("two control planes asked for at once go one after the other: there is one slot, and a run that has ended has let go of it", async () => {
  const rig = await startRig({ machines: [...rack, ...controlPlanes(3)], etcd: true });
  const runs = await Promise.all(["cp-01", "cp-02", "cp-03"].map((machine) => rig.say("power-cycle", { machine, hard: true })));
  const waiting = async () =>
    (await Promise.all(runs.map((run) => rig.summary(run)))).filter((run) => run?.reason.includes("one at a time"));
  await rig.until("the others wait", async () => (await waiting()).length === 2);
  for (const run of runs) expect(await rig.ended(run)).toBe("ok");
  expect(rig.world.violations()).toEqual([]);
});

test("a lost control plane is recovered while the others are a healthy majority", async () => {
  const rig = await startRig({ machines: [...rack, ...controlPlanes(3)], etcd: true });
  const run = await lost(rig, "cp-01");
  expect(await rig.ended(run)).toBe("ok");
  expect(rig.world.machine("cp-01").did).toMatchObject({ off: 1, on: 1 });
});

test("a lost control plane waits while another member is not healthy: nothing of it is touched", async () => {
  const rig = await startRig({ machines: [...rack, ...controlPlanes(3)] });
  const sick = rig.world.etcd.members.find(({ machine }) => machine === "cp-02");
  sick?.errors.push("etcdserver: no space");
  const run = await lost(rig, "cp-01");
  await rig.until("it waits for etcd", async () => (await rig.summary(run))?.reason.includes("etcd member cp-02 has errors"), 7_200_000);
  expect(rig.world.machine("cp-01").did).toEqual(untouched);
});

test("who waits for etcd in the middle of its work lets go of the slot, so that the one it waits for can be brought back", async () => {
  const rig = await startRig({ machines: [...rack, ...controlPlanes(3)], etcd: true });
  rig.world.api.drainMs = 300_000;
  const run = await rig.say("power-cycle", { machine: "cp-01" });
  await rig.until("it drains", () => rig.world.machine("cp-01").did.drain === 1);
  const recovery = await lost(rig, "cp-02");
  expect(await rig.ended(recovery)).toBe("ok");
  expect(await rig.ended(run)).toBe("ok");
  expect((await rig.lines(run)).join("\n")).toContain("etcd member cp-02 does not answer");
  expect(rig.world.violations()).toEqual([]);
});

test("Talos answers nobody: no answer means no", async () => {
  const rig = await startRig({ machines: [...rack, ...controlPlanes(3)] });
  for (const name of ["cp-02", "cp-03"]) rig.world.machine(name).system.faults.silent = true;
  const run = await rig.say("power-off-requested", { machine: "cp-01", hard: true });
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("no control plane tells who the etcd members are");
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
  const { inventory, cluster, talos } = rig.world.ports;
  const { reservations } = rig.office;
  rig.world.api.reachable = false;
  const node = (machine: string) => cluster.node(machine);
  const { check } = quorumGuard({ inventory, talos, node, reservations, runs: rig.worker.runs, now: rig.clock.now });
  const intent = (verb: "force-off" | "power-on") => ({ machine: "gpu-02", verb }) as ActIntent;
  await expect(check(intent("force-off"))).rejects.toThrow("connection refused");
  expect((await check(intent("power-on"))).says).toBe("allow");
});
