import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { stableId } from "#events";
import etcdBootstrap from "#functions/etcd-bootstrap.ts";
import etcdRestore from "#functions/etcd-restore.ts";
import etcdSnapshot from "#functions/etcd-snapshot.ts";
import type { FakeMachineOptions } from "#functions/testing/mod.ts";
import { controlPlanes, endOf, story } from "./clusters.ts";
import { type Rig, startRig } from "./rig.ts";

const functions = [etcdSnapshot, etcdRestore, etcdBootstrap];
const site = (machines: readonly FakeMachineOptions[] = controlPlanes): Promise<Rig> => startRig({ machines, etcd: true, functions });

describe("etcd-snapshot", () => {
  const taken = async (rig: Rig) => {
    const run = await rig.say("etcd-snapshot-requested", { reason: "nightly" }, { origin: "external" });
    return { run, ...(await endOf(rig, run)) };
  };

  test("copies a member that does not lead, verifies it, tells of it and keeps as many as the retention says", async () => {
    const rig = await site();
    rig.world.snapshots.keep = 1;
    await rig.world.snapshots.store("test-old.db", whole());
    await rig.clock.sleep(60_000);
    const { run, status } = await taken(rig);
    expect(status).toBe("ok");
    expect(rig.world.etcd.leader()?.machine).toBe("cp-01");
    const kept = [...rig.world.snapshots.kept.values()];
    expect(kept.map(({ record }) => record.name)).toEqual([expect.stringMatching(/^test-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-cp-02\.db$/)]);
    expect(Buffer.from(kept[0]?.bytes ?? "").toString()).toContain("taken on cp-02");
    expect((await rig.journal(run)).find((entry) => entry.is === "done" && entry.step.startsWith("delete"))).toMatchObject({
      result: ["test-old.db"],
    });
    const told = (await rig.office.store.log.read("events", "std.etcd-snapshot-taken.cluster")).map(({ data }) => data);
    expect(told).toEqual([expect.objectContaining({ data: expect.objectContaining({ from: "cp-02", name: kept[0]?.record.name }) })]);
  });

  test("leaves out members that are learners, have errors or corrupt data; the leader is the last choice", async () => {
    const rig = await site();
    const { etcd } = rig.world;
    etcd.leader();
    const [, second, third] = etcd.members;
    if (!second || !third) throw new Error("three were asked for");
    third.errors.push("etcdserver: no space");
    etcd.alarms.push({ member: second.id, alarm: "corrupt" });
    expect((await taken(rig)).status).toBe("ok");
    expect([...rig.world.snapshots.kept.keys()]).toEqual([expect.stringContaining("-cp-01.db")]);
  });

  test("without a healthy member there is none, and every one is named with what is wrong with it", async () => {
    const rig = await site();
    rig.world.machine("cp-02").hang();
    rig.world.machine("cp-03").hang();
    const { status, reason } = await taken(rig);
    expect(status).toBe("failed");
    expect(reason).toMatch(/No healthy etcd member can be copied: cp-01: .*no leader.*; cp-02: .*no answer.*; cp-03: .*no answer/);
    expect(rig.world.snapshots.kept.size).toBe(0);
  });

  test("one that breaks off, or reads back broken, is not kept and fails", async () => {
    const rig = await site();
    for (const name of ["cp-01", "cp-02", "cp-03"]) rig.world.machine(name).system.faults.snapshotBreaks = true;
    expect(await taken(rig)).toMatchObject({ status: "failed", reason: expect.stringContaining("the connection ended before the answer") });
    for (const name of ["cp-01", "cp-02", "cp-03"]) rig.world.machine(name).system.faults.snapshotBreaks = false;
    rig.world.snapshots.broken = true;
    expect(await taken(rig)).toMatchObject({ status: "failed", reason: expect.stringContaining("is not whole: nothing was kept") });
    expect(rig.world.snapshots.kept.size).toBe(0);
  });
});

/** A snapshot of the fake etcd. */
async function* whole() {
  yield Buffer.from("etcd of revision 7\nwhole");
}

/** Control planes whose etcd is gone: installed, up, and without data. */
async function withoutEtcd(): Promise<Rig> {
  const rig = await site();
  await rig.world.snapshots.store("test-old.db", whole());
  rig.world.etcd.members = [];
  await rig.clock.sleep(60_000);
  return rig;
}

describe("etcd-restore", () => {
  const asked = async (rig: Rig, data = { machine: "cp-02", snapshot: "test-old.db" }) => rig.say("etcd-restore-requested", data);

  test("a person sees the snapshot and agrees; it is handed over, etcd begins again on that machine once, and the others join it", async () => {
    const rig = await withoutEtcd();
    const run = await asked(rig);
    await rig.answer(run, true);
    expect(await endOf(rig, run)).toEqual({ status: "ok", reason: "" });
    expect((await rig.journal(run)).find((entry) => entry.is === "asked")).toMatchObject({
      ask: "Begin etcd again on cp-02 from test-old.db (2026-01-01T00:00:00.000Z, 24 bytes)? What has changed in the cluster since is lost",
      plan: { machine: "cp-02", snapshot: "test-old.db", sha256: createHash("sha256").update("etcd of revision 7\nwhole").digest("hex") },
    });
    expect(rig.world.machines().map(({ did }) => did.bootstrap)).toEqual([0, 1, 0]);
    expect(Buffer.from(rig.world.machine("cp-02").system.uploaded ?? "").toString()).toBe("etcd of revision 7\nwhole");
    await rig.until("the others have joined", () => rig.world.etcd.members.filter(({ learner }) => !learner).length === 3);
    expect(rig.world.violations()).toEqual([]);
  });

  test.each<[string, (rig: Rig) => unknown, { machine: string; snapshot: string }, string]>([
    ["etcd that lives", () => undefined, { machine: "cp-02", snapshot: "test-old.db" }, "etcd lives: etcd runs on cp-01"],
    [
      "a control plane that does not tell: it may carry etcd",
      ({ world }) => {
        world.etcd.members = [];
        world.machine("cp-03").hang();
      },
      { machine: "cp-02", snapshot: "test-old.db" },
      "It cannot be known whether etcd lives: cp-03 does not tell (no answer in 5s). Switch that machine off first",
    ],
    [
      "a snapshot that is not there",
      () => undefined,
      { machine: "cp-02", snapshot: "old.db" },
      "There is no snapshot called old.db. The newest: test-old.db",
    ],
    ["a worker", () => undefined, { machine: "gpu-01", snapshot: "test-old.db" }, "gpu-01 is no control plane"],
  ])("refuses %s", async (_, prepare, data, reason) => {
    const rig = await site([...controlPlanes, { name: "gpu-01" }]);
    await rig.world.snapshots.store("test-old.db", whole());
    prepare(rig);
    const run = await asked(rig, data);
    const end = await endOf(rig, run);
    expect([end.status, end.reason]).toEqual(["refused", expect.stringContaining(reason)]);
    for (const { did } of rig.world.machines()) expect(did.bootstrap).toBe(0);
  });

  test("control planes that are off for good stand in nobody's way", async () => {
    const rig = await withoutEtcd();
    rig.world.machine("cp-03").press("off");
    await rig.clock.sleep(60_000);
    const run = await asked(rig);
    await rig.answer(run, true);
    expect(await endOf(rig, run)).toMatchObject({ status: "ok" });
    expect(rig.world.machines().map(({ did }) => did.bootstrap)).toEqual([0, 1, 0]);
  });

  test("a snapshot that does not fit its checksum begins nothing", async () => {
    const rig = await withoutEtcd();
    rig.world.snapshots.broken = true;
    const run = await asked(rig);
    await rig.answer(run, true);
    expect(await endOf(rig, run)).toMatchObject({ status: "failed", reason: expect.stringContaining("does not fit its checksum") });
    for (const { did } of rig.world.machines()) expect(did.bootstrap).toBe(0);
  });
});

describe("etcd-bootstrap", () => {
  /** As a bootstrap or a restoration emits it. */
  const begun = async (rig: Rig, machine = "cp-01") => {
    await rig.office.bus.publish(etcdBootstrap.on, { machine }, { id: `b-${machine}`, source: "test" });
    return stableId("test", "etcd-bootstrap", "test", `b-${machine}`);
  };

  test("nobody may ask for it from outside", async () => {
    const rig = await site();
    await expect(rig.say("etcd-bootstrap-requested", { machine: "cp-01" })).rejects.toMatchObject({ code: "LO_EVENT_FORBIDDEN" });
  });

  test("where etcd lives anywhere it is not begun a second time", async () => {
    const rig = await site();
    const run = await begun(rig, "cp-02");
    expect(await endOf(rig, run)).toMatchObject({ status: "ok" });
    for (const { did } of rig.world.machines()) expect(did.bootstrap).toBe(0);
  });

  test("asked of two machines that both look before either begins, it begins on one, and the other joins", async () => {
    const rig = await withoutEtcd();
    const slow = rig.world.ports.talos.of("cp-03");
    const { presence } = slow;
    Object.assign(slow, { presence: () => rig.clock.sleep(3000).then(() => presence()) });
    const first = await begun(rig, "cp-01");
    await rig.clock.sleep(1000);
    const second = await begun(rig, "cp-02");
    expect(await endOf(rig, first)).toMatchObject({ status: "ok" });
    expect(await endOf(rig, second)).toMatchObject({ status: "ok" });
    expect(rig.world.machines().reduce((sum, { did }) => sum + did.bootstrap, 0)).toBe(1);
    expect(rig.world.violations()).toEqual([]);
  });

  test("while one control plane gives no answer it waits, and goes on when it does", async () => {
    const rig = await withoutEtcd();
    rig.world.machine("cp-03").system.faults.silent = true;
    const run = await begun(rig);
    await rig.clock.sleep(3_600_000);
    expect((await rig.summary(run))?.reason).toContain("cp-03 does not tell");
    expect(rig.world.machine("cp-01").did.bootstrap).toBe(0);
    rig.world.machine("cp-03").system.faults.silent = false;
    expect(await endOf(rig, run)).toMatchObject({ status: "ok" });
    expect(rig.world.machine("cp-01").did.bootstrap).toBe(1);
  });

  test("a Talos that is not ready is asked again until it is", async () => {
    const rig = await withoutEtcd();
    rig.world.machine("cp-01").system.faults.notReadyToBootstrap = 12;
    const run = await begun(rig);
    expect(await endOf(rig, run)).toMatchObject({ status: "ok" });
    expect(rig.world.machine("cp-01").did.bootstrap).toBe(1);
  });

  test("an answer that is lost, or a start that does not show, is never followed by a second: a person looks", async () => {
    const rig = await withoutEtcd();
    rig.world.machine("cp-01").system.faults.losesAnswers = true;
    expect(await endOf(rig, await begun(rig))).toMatchObject({ status: "ok" });
    expect(rig.world.machine("cp-01").did.bootstrap).toBe(1);

    const other = await withoutEtcd();
    other.world.etcd.begin = () => undefined;
    const run = await begun(other);
    const { status, reason } = await endOf(other, run);
    expect([status, reason]).toEqual(["parked", expect.stringContaining("bootstrap: it cannot be known whether it happened")]);
    expect(other.world.machine("cp-01").did.bootstrap).toBe(1);
    expect(await story(other, run)).toEqual(["give etcd the time to start where it lives", "start etcd: bootstrap"]);
  });
});
