import { describe, expect, test } from "vitest";
import { planEvent, stableId } from "#events";
import { createRuns } from "#events/runs.ts";
import bootstrap from "#functions/bootstrap.ts";
import csrApprover from "#functions/csr-approver.ts";
import { createErrands } from "#functions/errands.ts";
import etcdBootstrap from "#functions/etcd-bootstrap.ts";
import { isAgreed } from "#functions/fragments/cluster-plan.ts";
import install from "#functions/install.ts";
import type { FakeMachineOptions } from "#functions/testing/mod.ts";
import { endOf, story } from "./clusters.ts";
import { type Rig, startRig, untouched } from "./rig.ts";

const functions = [bootstrap, install, etcdBootstrap, csrApprover];
const named = (names: readonly string[], more: Partial<FakeMachineOptions> = {}): FakeMachineOptions[] =>
  names.map((name) => ({ name, blank: true, ...more }));
const threeAndTwo = [...named(["cp-01", "cp-02", "cp-03"], { role: "control-plane" }), ...named(["gpu-01", "gpu-02"], { gpus: 2 })];

/** Machines that are off and blank, in a world without a cluster, where Nodes need a network for pods. */
async function site(machines: readonly FakeMachineOptions[] = threeAndTwo): Promise<Rig> {
  const rig = await startRig({ machines, etcd: true, functions });
  rig.world.api.needsCni = true;
  return rig;
}

async function begun(rig: Rig): Promise<string> {
  const run = await rig.say("bootstrap-requested", { reason: "a new rack" });
  await rig.answer(run, true);
  return run;
}

test("from machines that are off to a cluster in which every Node is Ready: one question, one installation each, etcd begun once", async () => {
  const rig = await site();
  const { world } = rig;
  const run = await begun(rig);
  expect(await endOf(rig, run)).toEqual({ status: "ok", reason: "" });
  expect(await story(rig, run)).toMatchInlineSnapshot(`
    [
      "look at every machine",
      "make the cluster",
      "install cp-01",
      "install cp-01: its end",
      "install cp-02",
      "install cp-02: its end",
      "install cp-03",
      "install cp-03: its end",
      "start etcd on cp-01",
      "start etcd on cp-01: its end",
      "keep the kubeconfig",
      "the cluster's API answers",
      "install a network for pods",
      "install gpu-01",
      "install gpu-02",
      "install gpu-01: its end",
      "install gpu-02: its end",
      "etcd on cp-01 is a healthy member",
      "etcd on cp-02 is a healthy member",
      "etcd on cp-03 is a healthy member",
      "every Node is Ready",
      "which kubelets ask for certificates",
    ]
  `);
  for (const machine of world.machines()) {
    expect(machine.did).toEqual({ ...untouched, on: 1, install: 1, ...(machine.name === "cp-01" ? { bootstrap: 1 } : {}) });
    expect(machine.isReady()).toBe(true);
    expect((await world.netboot.arms.of(machine.name))?.state).toBe("consumed");
  }
  expect(world.etcd.members.map(({ machine, learner, started }) => [machine, learner, started])).toEqual([
    ["cp-01", false, true],
    ["cp-02", false, true],
    ["cp-03", false, true],
  ]);
  expect(world.kubeconfig.texts).toEqual(["apiVersion: v1\nkind: Config\n"]);
  expect(world.cni.installed).toBe(1);
  expect(world.violations()).toEqual([]);
  const questions = (await Promise.all((await rig.worker.runs.all()).map((one) => rig.journal(one.run))))
    .flat()
    .filter(({ is }) => is === "asked");
  expect(questions).toHaveLength(1);
});

test("the plan names every machine with its disk and versions, the first of etcd, the network and the kubeconfig", async () => {
  const rig = await site();
  const run = await rig.say("bootstrap-requested", {});
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  const plan = { found: "off", talos: "v1.13.9", kubernetes: "v1.36.3" };
  expect((await rig.journal(run)).find((entry) => entry.is === "asked")).toMatchObject({
    ask: "Make a cluster of cp-01, cp-02, cp-03, gpu-01, gpu-02? Their declared disks are written over. etcd begins on cp-01. Network for pods: applies cni.yaml. The kubeconfig is kept in /lightsout/kubeconfig",
    plan: {
      machines: [
        { ...plan, machine: "cp-01", role: "control-plane", disk: "serial S-cp-01" },
        { ...plan, machine: "cp-02", role: "control-plane", disk: "serial S-cp-02" },
        { ...plan, machine: "cp-03", role: "control-plane", disk: "serial S-cp-03" },
        { ...plan, machine: "gpu-01", role: "worker", disk: "serial S-gpu-01" },
        { ...plan, machine: "gpu-02", role: "worker", disk: "serial S-gpu-02" },
      ],
    },
  });
  await rig.answer(run, false);
  expect(await rig.ended(run)).toBe("denied");
  for (const machine of rig.world.machines()) expect(machine.did).toEqual(untouched);
});

test("planned, it shows every step and touches nothing", async () => {
  const rig = await site();
  const incoming = { type: "bootstrap-requested", data: {}, origin: "operator", source: "test", actor: "alice" } as const;
  const [plan] = await planEvent(rig.office, incoming);
  expect(plan?.stops).toBeUndefined();
  const emits = plan?.steps.filter(({ what }) => what.startsWith("emits")).map(({ step }) => step);
  expect(emits).toEqual(["install cp-01", "install cp-02", "install cp-03", "start etcd on cp-01", "install gpu-01", "install gpu-02"]);
  for (const machine of rig.world.machines()) expect([machine.did, machine.writes]).toEqual([untouched, []]);
});

describe("refused before anybody is asked", () => {
  test.each<[string, readonly FakeMachineOptions[], (rig: Rig) => unknown, string]>([
    [
      "a cluster that lives",
      [{ name: "cp-01", role: "control-plane" }, ...named(["gpu-01"])],
      () => undefined,
      "This cluster exists already: etcd runs on cp-01. Nothing was done",
    ],
    [
      "a control plane that does not tell: it may carry etcd",
      [{ name: "cp-01", role: "control-plane" }, ...named(["cp-02"], { role: "control-plane" })],
      ({ world }) => world.machine("cp-01").hang(),
      "It cannot be known whether this cluster exists already: cp-01 does not tell",
    ],
    [
      "a worker that runs something, and a wrong configuration beside it: both are named",
      [...named(["cp-01"], { role: "control-plane" }), { name: "gpu-01" }, ...named(["gpu-02"])],
      ({ world }) => {
        world.machine("gpu-01").hang();
        world.configs.wrong.set("gpu-02", [{ code: "x", level: "error", path: "machine.token", message: "it is missing", fix: "Give it" }]);
      },
      "The cluster cannot be made: gpu-01 is on and runs something: power On, and its Talos does not answer; gpu-02: machine.token: it is missing",
    ],
    ["no control plane", named(["gpu-01"]), () => undefined, "no control plane is declared"],
    [
      "a disk that is not declared",
      named(["cp-01"], { role: "control-plane" }),
      ({ world }) => world.configs.declare("cp-01", { disk: undefined }),
      "cp-01: its disk is not declared by serial or WWID",
    ],
  ])("%s", async (_, machines, prepare, reason) => {
    const rig = await site(machines);
    await prepare(rig);
    const run = await rig.say("bootstrap-requested", {});
    const end = await endOf(rig, run);
    expect([end.status, end.reason]).toEqual(["refused", expect.stringContaining(reason)]);
    for (const machine of rig.world.machines()) expect(machine.writes).toEqual([]);
  });

  test("a cluster whose API answers, wherever it is", async () => {
    const rig = await site();
    Object.assign(rig.world.ports.cluster, { version: async () => "v1.36.3" });
    const run = await rig.say("bootstrap-requested", {});
    expect((await endOf(rig, run)).reason).toContain("This cluster exists already: its API answers (v1.36.3)");
  });
});

test("a machine that was installed before is not installed again, and one in maintenance is configured there", async () => {
  const rig = await site();
  const { world } = rig;
  const waits = world.machine("gpu-01");
  waits.override = { target: "cd", once: true, uri: "http://somewhere/metal.iso" };
  waits.press("on");
  await rig.until("it waits", () => waits.answers() === "maintenance");
  const first = await begun(rig);
  await rig.until("two stand", () => world.machine("cp-02").answers() === "running");
  await rig.say("run-cancel-requested", { run: first });
  expect(await rig.ended(first)).toBe("cancelled");
  await rig.clock.sleep(600_000);
  const second = await begun(rig);
  expect(await endOf(rig, second)).toEqual({ status: "ok", reason: "" });
  for (const machine of world.machines()) expect(machine.did.install).toBe(1);
  expect(waits.did).toMatchObject({ apply: 1 });
  expect(world.violations()).toEqual([]);
});

test("a worker that fails holds up no other, and is named in the end", async () => {
  const rig = await site();
  rig.world.machine("gpu-01").host.neverBoots = true;
  const run = await begun(rig);
  const { status, reason } = await endOf(rig, run);
  expect(status).toBe("failed");
  expect(reason).toContain(
    "The cluster runs, but not every machine could be installed: gpu-01 (failed: gpu-01 has its boot script and has not loaded",
  );
  expect(reason).not.toContain("gpu-02 (");
  expect(rig.world.machine("gpu-02").isReady()).toBe(true);
  expect(rig.world.violations()).toEqual([]);
});

test("a control plane that fails ends it before etcd is begun", async () => {
  const rig = await site();
  rig.world.machine("cp-02").host.neverBoots = true;
  const { status, reason } = await endOf(rig, await begun(rig));
  expect([status, reason]).toEqual(["failed", expect.stringContaining("install cp-02: failed: cp-02 has its boot script")]);
  expect(rig.world.etcd.members).toEqual([]);
  expect(rig.world.machine("cp-03").did).toEqual(untouched);
});

test("asked for twice at once and agreed to twice, etcd is begun once", async () => {
  const rig = await site(named(["cp-01", "cp-02", "cp-03"], { role: "control-plane" }));
  const [first, second] = [await rig.say("bootstrap-requested", {}), await rig.say("bootstrap-requested", {})];
  await rig.answer(first, true);
  await rig.answer(second, true);
  const ends = [await endOf(rig, first), await endOf(rig, second)].map(({ status }) => status);
  expect(ends).toContain("ok");
  expect(rig.world.machines().map(({ did }) => did.bootstrap)).toEqual([1, 0, 0]);
  for (const { did } of rig.world.machines()) expect(did.install).toBe(1);
  expect(rig.world.violations()).toEqual([]);
});

test("a network that cannot be installed ends it with the reason", async () => {
  const rig = await site();
  rig.world.cni.fails = "cilium ended with 1: no such cluster";
  const { status, reason } = await endOf(rig, await begun(rig));
  expect([status, reason]).toEqual(["failed", "cilium ended with 1: no such cluster"]);
});

test("kubelets get the serving certificates that they ask for", async () => {
  const rig = await site();
  const { world } = rig;
  const run = await begun(rig);
  await rig.until("the API answers", () => world.cni.installed === 1);
  for (const { name } of world.machines()) world.askServing(name);
  expect(await endOf(rig, run)).toEqual({ status: "ok", reason: "" });
  expect(world.api.requests).toEqual([]);
  expect(world.machines().map(({ did }) => did.approve)).toEqual([1, 1, 1, 1, 1]);
});

test("an agreed plan speaks for its own machines, by the step that hands each out, and while its bootstrap goes on", async () => {
  const rig = await site();
  const run = await rig.say("bootstrap-requested", {});
  const errands = createErrands({
    site: "test",
    runs: createRuns(rig.office.store),
    store: rig.office.store,
    functionOf: ({ type }) => type,
  });
  const source = `lightsout/test/run/${run}`;
  const agreed = (machine: string, sent: { source?: string; id?: string } = {}) =>
    isAgreed(machine, { source, id: stableId(run, `install ${machine}`), ...sent }, { errands });
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  expect(await agreed("gpu-01")).toBe(false);
  await rig.answer(run, true);
  await rig.until("it goes on", () => rig.world.machine("cp-01").power() === "on");
  expect(await agreed("gpu-01")).toBe(true);
  expect(await agreed("gpu-09")).toBe(false);
  expect(await agreed("gpu-01", { id: stableId(run, "install gpu-02") })).toBe(false);
  expect(await agreed("gpu-01", { id: "install gpu-01" })).toBe(false);
  expect(await agreed("gpu-01", { source: `lightsout/http/${source}` })).toBe(false);
  expect(await agreed("gpu-01", { source: `lightsout/other/run/${run}` })).toBe(false);
  const installing = (await rig.runsOf("cp-01"))[0]?.run ?? "";
  expect(await agreed("gpu-01", { source: `lightsout/test/run/${installing}`, id: stableId(installing, "install gpu-01") })).toBe(false);
  await endOf(rig, run);
  expect(await agreed("gpu-01")).toBe(false);
});
