import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EtcdMember, EtcdStatus } from "#adapters/os/port.ts";
import { planEvent, UnsupportedError } from "#events";
import coldStart from "#functions/cold-start.ts";
import { stagesOf } from "#functions/fragments/stages.ts";
import { judgeEtcd } from "#functions/guards/etcd.ts";
import nodeLost from "#functions/node-lost.ts";
import powerOff from "#functions/power-off.ts";
import powerOn from "#functions/power-on.ts";
import type { FakeMachineOptions } from "#functions/testing/mod.ts";
import { lastOf, type Rig, startRig } from "./rig.ts";

const site: readonly FakeMachineOptions[] = [
  ...["gpu-01", "gpu-02", "gpu-03"].map((name) => ({ name, pool: "gpu" })),
  ...["cp-01", "cp-02", "cp-03"].map((name) => ({ name, pool: "control", role: "control-plane" as const })),
  ...["ssd-01", "ssd-02"].map((name) => ({ name, pool: "storage" })),
];
const names = site.map(({ name }) => name);

/** Everything is off, and no API answers before etcd has a majority. */
async function blackout(change: (machine: FakeMachineOptions) => Partial<FakeMachineOptions> = () => ({})): Promise<Rig> {
  const machines = site.map((machine) => ({ ...machine, off: true, ...change(machine) }));
  const rig = await startRig({ machines, etcd: true, functions: [coldStart, powerOn, powerOff, nodeLost] });
  rig.world.policy.coldStart = { pools: ["storage"], stagger: "20s" };
  return rig;
}

const begin = (rig: Rig) => rig.say("cold-start-requested", { reason: "blackout" });
const switched = ({ world }: Rig) =>
  world
    .machines()
    .flatMap(({ name, writes }) => writes.map(({ at, verb }) => ({ name, at, verb })))
    .sort((a, b) => a.at - b.at);

test("from all off, storage comes first, then control planes, then workers, one after another", async () => {
  const rig = await blackout();
  const run = await begin(rig);
  await rig.answer(run, true);
  await rig.until("etcd has a majority", () => rig.world.etcd.quorate());
  expect(switched(rig).map(({ name }) => name)).toEqual(["ssd-01", "ssd-02", "cp-01", "cp-02", "cp-03"]);
  expect(await rig.ended(run)).toBe("ok");
  const order = switched(rig);
  expect(order.map(({ name }) => name)).toEqual(["ssd-01", "ssd-02", "cp-01", "cp-02", "cp-03", "gpu-01", "gpu-02", "gpu-03"]);
  for (const [index, { at }] of order.slice(1).entries()) expect(at - (order[index]?.at ?? 0)).toBeGreaterThanOrEqual(20_000);
  for (const name of names) expect(rig.world.machine(name).isReady(), name).toBe(true);
  for (const name of names) expect(await rig.office.ledger.of(name)).toMatchObject({ want: "on", by: "alice" });
  expect(rig.world.violations()).toEqual([]);
});

test("the whole order is shown before anything is done, with those that are left as they are", async () => {
  const rig = await blackout((machine) => (machine.name === "gpu-01" ? { off: false } : {}));
  await rig.say("hold-requested", { scope: "machine", name: "gpu-02", reason: "new fans" });
  await rig.say("power-off-requested", { machine: "gpu-03", reason: "not needed" });
  await rig.office.ledger.change("ssd-02", (now) => ({ ...now, quarantine: { reason: "smells of smoke", run: "r", since: "today" } }));
  const run = await begin(rig);
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  const asked = (await rig.journal(run)).find((entry) => entry.is === "asked");
  expect(asked).toMatchObject({
    ask: "Switch 4 machines on, 20s apart, in this order?",
    plan: {
      stages: [
        { name: "pool storage", machines: ["ssd-01"], etcd: false },
        { name: "control planes", machines: ["cp-01", "cp-02", "cp-03"], etcd: true },
        { name: "workers", machines: [], etcd: false },
      ],
      on: ["gpu-01"],
      left: {
        "gpu-02": "held by alice (machine gpu-02): new fans",
        "gpu-03": "alice wants it off (not needed)",
        "ssd-02": "quarantined since today: smells of smoke",
      },
    },
  });
  expect(switched(rig).filter(({ verb }) => verb === "power-on")).toEqual([]);
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("ok");
  for (const name of ["gpu-02", "gpu-03", "ssd-02"]) expect(rig.world.machine(name).power(), name).toBe("off");
  expect(await rig.office.ledger.of("gpu-03")).toMatchObject({ want: "off" });
});

test("who refuses the order has nothing switched on", async () => {
  const rig = await blackout();
  const run = await begin(rig);
  await rig.answer(run, false);
  expect(await rig.ended(run)).toBe("denied");
  expect(switched(rig)).toEqual([]);
});

test("whoever is held or meant to be off after the order was agreed to is left as it is", async () => {
  const rig = await blackout();
  const run = await begin(rig);
  await rig.answer(run, true);
  await rig.until("it begins", () => switched(rig).length > 0);
  await rig.say("hold-requested", { scope: "pool", name: "gpu", reason: "too hot" });
  expect(await rig.ended(run)).toBe("ok");
  for (const name of ["gpu-01", "gpu-02", "gpu-03"]) expect(rig.world.machine(name).did.on, name).toBe(0);
  expect(rig.world.machine("cp-03").isReady()).toBe(true);
});

test("machines that do not come back are named at the end and hold up nobody", async () => {
  const rig = await blackout();
  for (const name of ["ssd-02", "gpu-01"]) rig.world.machine(name).host.neverBoots = true;
  rig.world.machine("gpu-02").bmc.silent = true;
  const run = await begin(rig);
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("failed");
  const last = (await lastOf(rig, run)) ?? "";
  expect(last).toContain(
    "3 of 8 machines did not come back: ssd-02 (failed: ssd-02 was powered on and has not booted into the cluster in time",
  );
  expect(last).toContain("gpu-02 (parked: ");
  for (const name of ["cp-01", "cp-02", "cp-03", "ssd-01", "gpu-03"]) expect(rig.world.machine(name).isReady(), name).toBe(true);
});

test("a control plane that stays dark does not stop the workers while etcd has a majority", async () => {
  const rig = await blackout();
  rig.world.machine("cp-02").host.neverBoots = true;
  const run = await begin(rig);
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("1 of 8 machines did not come back: cp-02");
  expect(rig.world.machine("gpu-03").isReady()).toBe(true);
});

test("without a majority of etcd nothing more is switched on: a person is asked, and it goes on when they have seen to it", async () => {
  const rig = await blackout();
  for (const name of ["cp-02", "cp-03"]) rig.world.machine(name).host.neverBoots = true;
  const run = await begin(rig);
  await rig.answer(run, true);
  await rig.until("it asks again", async () => (await rig.lines(run)).some((entry) => entry.startsWith('asked "look at etcd again"')));
  expect((await lastOf(rig, run)) ?? "").toContain("etcd has no majority: no control plane tells who the etcd members are");
  expect(switched(rig).some(({ name }) => name.startsWith("gpu"))).toBe(false);
  for (const name of ["cp-02", "cp-03"]) {
    rig.world.machine(name).host.neverBoots = false;
    rig.world.machine(name).press("off");
    rig.world.machine(name).press("on", 5000);
  }
  await rig.answer(run, true);
  await rig.ended(run);
  for (const name of names) expect(rig.world.machine(name).isReady(), name).toBe(true);
});

test("a person who says no to a second look ends it, and the workers stay off", async () => {
  const rig = await blackout();
  for (const name of ["cp-02", "cp-03"]) rig.world.machine(name).host.neverBoots = true;
  const run = await begin(rig);
  await rig.answer(run, true);
  await rig.until("it asks again", async () => (await rig.lines(run)).some((entry) => entry.startsWith('asked "look at etcd again"')));
  await rig.answer(run, false);
  expect(await rig.ended(run)).toBe("denied");
  expect(switched(rig).some(({ name }) => name.startsWith("gpu"))).toBe(false);
});

test("storage whose Talos cannot answer before a control plane does is waited for no longer than it takes to boot", async () => {
  const rig = await blackout((machine) => (machine.pool === "storage" ? { bootTime: "90s" } : {}));
  const silent = ["ssd-01", "ssd-02"].map((name) => rig.world.machine(name));
  for (const box of silent) box.isolate();
  const run = await begin(rig);
  await rig.answer(run, true);
  await rig.until("the control planes follow", () => switched(rig).some(({ name }) => name === "cp-01"));
  const [first] = switched(rig);
  const third = switched(rig)[2];
  expect((third?.at ?? 0) - (first?.at ?? 0)).toBeLessThan(200_000);
  for (const box of silent) box.isolate(false);
  expect(await rig.ended(run)).toBe("ok");
});

test("a machine without a BMC is named before anything begins: somebody has to press its button", async () => {
  const rig = await blackout();
  const { power } = rig.world.ports;
  const { of } = power;
  Object.assign(power, {
    of(name: string) {
      if (name === "gpu-03") throw new UnsupportedError(name, "power", "no BMC is declared");
      return of(name);
    },
  });
  const run = await begin(rig);
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  const asked = (await rig.journal(run)).find((entry) => entry.is === "asked");
  expect(asked?.is === "asked" && asked.plan).toMatchObject({ left: { "gpu-03": expect.stringContaining("switched on by hand") } });
});

test("what it would do is shown with everything off", async () => {
  const rig = await blackout();
  const planned = await planEvent(rig.office, {
    ...{ type: "cold-start-requested", data: {}, origin: "operator", source: "test", actor: "alice" },
  });
  expect(planned[0]?.stops).toBeUndefined();
  expect(planned.map(({ function: id, steps }) => [id, steps.filter(({ what }) => what.startsWith("emits")).length])).toEqual([
    ["cold-start", 8],
  ]);
});

test("power-on: a Node as it was before the blackout proves no return", async () => {
  const rig = await startRig({ machines: [...names], functions: [powerOn, powerOff] });
  const box = rig.world.machine("gpu-01");
  rig.world.api.reachable = false;
  box.press("off");
  box.host.neverBoots = true;
  const run = await rig.say("power-on-requested", { machine: "gpu-01" });
  await rig.until("it is on", () => box.did.on === 1);
  // Its Node still reads Ready: nobody has missed it yet.
  rig.world.api.reachable = true;
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("has not booted into the cluster in time");
});

test("power-on: an API that stays away says nothing of the machine, and its time begins when somebody can see it", async () => {
  const rig = await startRig({ machines: [...names], functions: [powerOn, powerOff] });
  const box = rig.world.machine("gpu-01");
  expect(await rig.ended(await rig.say("power-off-requested", { machine: "gpu-01", hard: true }))).toBe("ok");
  rig.world.api.reachable = false;
  const run = await rig.say("power-on-requested", { machine: "gpu-01" });
  await rig.clock.sleep(3_600_000);
  expect(box.power()).toBe("on");
  rig.world.api.reachable = true;
  expect(await rig.ended(run)).toBe("ok");
  expect(box.node.unschedulable).toBe(false);
});

describe("the order of a cold start", () => {
  const machine = (name: string, pool: string, role: "worker" | "control-plane" = "worker") => ({ name, pool, role });

  test("etcd must serve after the last stage that holds a control plane", () => {
    const machines = [
      machine("a", "mixed", "control-plane"),
      machine("b", "mixed"),
      machine("c", "other", "control-plane"),
      machine("d", "gpu"),
    ];
    expect(stagesOf(machines, ["mixed", "gpu"])).toEqual([
      { name: "pool mixed", machines: ["a", "b"], etcd: false },
      { name: "pool gpu", machines: ["d"], etcd: false },
      { name: "control planes", machines: ["c"], etcd: true },
    ]);
  });

  test("everybody comes exactly once, and pools that nobody is in are no stage", () => {
    const some = fc.array(
      fc.record({ name: fc.uuid(), pool: fc.constantFrom("a", "b", "c"), role: fc.constantFrom("worker", "control-plane") }),
    );
    fc.assert(
      fc.property(some, fc.uniqueArray(fc.constantFrom("a", "b", "z")), (machines, pools) => {
        const stages = stagesOf(machines as Parameters<typeof stagesOf>[0], pools);
        expect(stages.flatMap((stage) => stage.machines).sort()).toEqual(machines.map(({ name }) => name).sort());
        expect(stages.every((stage) => stage.machines.length > 0)).toBe(true);
        const any = machines.some(({ role }) => role === "control-plane");
        expect(stages.filter(({ etcd }) => etcd)).toHaveLength(any ? 1 : 0);
      }),
    );
  });
});

describe("etcd as a whole", () => {
  const member = (id: string, change: Partial<EtcdMember> = {}): EtcdMember => ({
    id,
    name: `cp-${id}`,
    learner: false,
    peerUrls: [],
    ...change,
  });
  const status = (id: string, change: Partial<EtcdStatus> = {}): EtcdStatus => ({
    ...{ member: id, leader: "1", learner: false, errors: [], dbSize: 1, raftIndex: 1n, raftApplied: 1n },
    ...change,
  });
  const three = [member("1"), member("2"), member("3")];

  test("serves whole when every voter has started, answers and follows one leader; learners do not count", () => {
    const members = [...three, member("4", { learner: true, name: "" })];
    expect(judgeEtcd({ members, statuses: ["1", "2", "3"].map((id) => status(id)) })).toEqual({
      is: "whole",
      why: "all 3 etcd voters serve",
    });
  });

  test("has a majority while more than half serve, and names who does not", () => {
    expect(judgeEtcd({ members: three, statuses: [status("1"), status("2")] })).toEqual({
      is: "majority",
      why: "2 of 3 etcd voters serve, without cp-3",
    });
    expect(judgeEtcd({ members: [...three, member("4", { name: "" })], statuses: ["1", "2", "3"].map((id) => status(id)) }).why).toContain(
      "without 4, which has not started",
    );
  });

  test.each([
    ["nobody answers", undefined, []],
    ["there is no member", [], []],
    ["one of three answers", three, [status("1")]],
    ["nobody knows a leader", three, ["1", "2", "3"].map((id) => status(id, { leader: undefined }))],
    ["each follows another leader", three, ["1", "2", "3"].map((id) => status(id, { leader: id }))],
    ["they have errors", three, ["1", "2", "3"].map((id) => status(id, { errors: ["etcdserver: no space"] }))],
    ["half of four serve", [...three, member("4")], [status("1"), status("2")]],
    ["two answers are of one member", three, [status("1"), status("1")]],
    ["answers are of members that nobody knows", three, [status("7"), status("8"), status("9")]],
  ])("has none when %s", (_, members, statuses) => {
    expect(judgeEtcd({ members, statuses }).is).toBe("none");
  });
});
