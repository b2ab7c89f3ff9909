import { describe, expect, test } from "vitest";
import { cluster, endOf, inService, leftDisarmed, rebuilt, story, wasUntouched } from "./clusters.ts";
import type { Rig } from "./rig.ts";

/** A voter again, as the other two are. */
function hasThreeVoters(rig: Rig): void {
  const { members } = rig.world.etcd;
  expect(
    members
      .filter(({ learner, started, lost }) => started && !learner && !lost)
      .map(({ machine }) => machine)
      .sort(),
  ).toEqual(["cp-01", "cp-02", "cp-03"]);
}

test("a control plane leaves etcd first, behind a snapshot, and comes back as a voter; the majority is never lost", async () => {
  const rig = await cluster();
  const { etcd, snapshots } = rig.world;
  const leads = etcd.leader()?.machine ?? "";
  const { run, status, reason } = await rebuilt(rig, leads);
  expect([status, reason]).toEqual(["ok", ""]);
  const steps = await story(rig, run);
  const order = [
    "take a snapshot of etcd and verify it",
    "cordon: cordon",
    "leave etcd: etcd-remove-member",
    "power off: force-off",
    `etcd on ${leads} is a healthy member`,
    "uncordon",
  ];
  expect(steps.filter((step) => order.includes(step))).toEqual(order);
  expect([...snapshots.kept.values()].map(({ record }) => record.name)).toEqual([expect.stringContaining("-cp-02.db")]);
  expect(etcd.leader()?.machine).not.toBe(leads);
  hasThreeVoters(rig);
  await inService(rig, leads);
});

test("of one that does not answer, the member is removed by another once it is proven off", async () => {
  const rig = await cluster();
  rig.world.machine("cp-02").hang();
  await rig.clock.sleep(60_000);
  const { run, status } = await rebuilt(rig, "cp-02");
  expect(status).toBe("ok");
  const steps = await story(rig, run);
  expect(steps.indexOf("take its dead member out of etcd: etcd-remove-member")).toBeGreaterThan(steps.indexOf("power off: force-off"));
  expect(rig.world.machine("cp-02").did).toMatchObject({ etcdRemove: 1, wipe: 1, install: 1 });
  hasThreeVoters(rig);
  await inService(rig, "cp-02");
});

test("one whose etcd is broken is removed by another too, though its Talos answers", async () => {
  const rig = await cluster();
  for (const member of rig.world.etcd.members.filter(({ machine }) => machine === "cp-02")) member.errors.push("etcdserver: corrupt");
  const { run, status } = await rebuilt(rig, "cp-02");
  expect(status).toBe("ok");
  expect(await story(rig, run)).toContain("take its dead member out of etcd: etcd-remove-member");
  hasThreeVoters(rig);
  await inService(rig, "cp-02");
});

test("a BMC that says off while the machine answers: its member stays", async () => {
  const rig = await cluster();
  const box = rig.world.machine("cp-02");
  box.system.faults.silent = true;
  box.bmc.reads = { state: "off", raw: "Off" };
  const { status, reason } = await rebuilt(rig, "cp-02");
  expect([status, reason]).toEqual(["refused", expect.stringContaining("cp-02 reads off, but its kubelet answers")]);
  expect(box.did).toMatchObject({ etcdRemove: 0, wipe: 0 });
  expect(rig.world.violations()).toEqual([]);
});

test("two at once: the second waits until the first is a voter again", async () => {
  const rig = await cluster();
  const first = await rig.say("rebuild-requested", { machine: "cp-01" });
  const second = await rig.say("rebuild-requested", { machine: "cp-02" });
  await rig.answer(first, true);
  await rig.answer(second, true);
  expect(await endOf(rig, first)).toMatchObject({ status: "ok" });
  expect(await endOf(rig, second)).toMatchObject({ status: "ok" });
  hasThreeVoters(rig);
  for (const machine of ["cp-01", "cp-02"]) await inService(rig, machine);
});

describe("refused, and nothing is touched", () => {
  test("the only copy of etcd", async () => {
    const rig = await cluster({ machines: [{ name: "cp-01", role: "control-plane" }, { name: "gpu-01" }] });
    const run = await rig.say("rebuild-requested", { machine: "cp-01", confirm: "cp-01" });
    const { status, reason } = await endOf(rig, run);
    expect([status, reason]).toEqual([
      "refused",
      expect.stringContaining("cp-01 holds the only copy of etcd: wiping it would end the cluster"),
    ]);
    wasUntouched(rig.box);
  });

  test.each<[string, (rig: Rig) => unknown, string]>([
    ["another member that is down", ({ world }) => world.machine("cp-03").hang(), "cp-03"],
    [
      "another member with errors",
      ({ world }) => {
        for (const member of world.etcd.members.filter(({ machine }) => machine === "cp-03")) member.errors.push("corrupt");
      },
      "cp-03",
    ],
    ["an alarm", ({ world }) => world.etcd.alarms.push({ member: "0000000000000001", alarm: "no-space" }), "no-space"],
  ])("%s", async (_, prepare, names) => {
    const rig = await cluster();
    prepare(rig);
    await rig.clock.sleep(60_000);
    const run = await rig.say("rebuild-requested", { machine: "cp-01" });
    await rig.answer(run, true);
    const { status, reason } = await endOf(rig, run);
    expect([status, reason]).toEqual(["refused", expect.stringContaining("refused by quorum: etcd could lose its majority")]);
    expect(reason).toContain(names);
    wasUntouched(rig.world.machine("cp-01"));
  });
});

test("a snapshot that cannot be kept stops it before anything is touched", async () => {
  const rig = await cluster();
  rig.world.snapshots.fails = "the bucket is full";
  const { status, reason } = await rebuilt(rig, "cp-01");
  expect([status, reason]).toEqual(["failed", expect.stringContaining("the bucket is full")]);
  wasUntouched(rig.world.machine("cp-01"));
});

test("one that fails on the way has left etcd, and the others keep their majority", async () => {
  const rig = await cluster();
  rig.world.machine("cp-02").host.neverBoots = true;
  const { status, reason } = await rebuilt(rig, "cp-02");
  expect([status, reason]).toEqual(["failed", expect.stringContaining("has not loaded kernel and initramfs")]);
  expect(rig.world.etcd.members.map(({ machine }) => machine)).toEqual(["cp-01", "cp-03"]);
  expect(rig.world.etcd.quorate()).toBe(true);
  await leftDisarmed(rig, "has not loaded", "cp-02");
});
