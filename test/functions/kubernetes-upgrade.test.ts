import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planEvent } from "#events";
import componentUpgrade from "#functions/component-upgrade.ts";
import { isOlderMinor, kubernetesObstacle, oldestOf } from "#functions/guards/kubernetes-path.ts";
import kubernetesUpgrade from "#functions/kubernetes-upgrade.ts";
import powerOff from "#functions/power-off.ts";
import powerOn from "#functions/power-on.ts";
import type { FakeMachineOptions } from "#functions/testing/mod.ts";
import { lastOf, type Rig, shows, startRig } from "./rig.ts";

describe("the way from one Kubernetes to another", () => {
  const machines = (talos: string | null, kubelet: string | null = "v1.35.4") => [{ name: "gpu-01", talos, kubelet }];
  const judge = (from: string, to: string, talos: string | null = "v1.13.9", kubelet?: string | null) =>
    kubernetesObstacle({ from, to, machines: machines(talos, kubelet) });

  test("goes within a minor version and to the next one", () => {
    expect(judge("v1.35.4", "v1.36.3")).toBeUndefined();
    expect(judge("v1.35.4", "v1.35.9")).toBeUndefined();
    expect(judge("v1.36.3", "v1.36.3")).toBeUndefined();
    expect(judge("v1.36.3", "v1.37.0-rc.0", "v1.14.0")).toBeUndefined();
  });

  test.each([
    ["over a minor version", judge("v1.34.1", "v1.36.3"), "minor versions would be passed over: go to the latest 1.35 first"],
    ["back", judge("v1.36.3", "v1.35.9"), "v1.35.9 is older than v1.36.3"],
    ["back to an older patch", judge("v1.36.3", "v1.36.2"), "v1.36.2 is older than v1.36.3"],
    ["to what a Talos does not support", judge("v1.36.3", "v1.37.0"), "gpu-01 runs Talos v1.13.9, which supports Kubernetes 1.31 to 1.36"],
    ["on a Talos that is not known", judge("v1.36.3", "v1.36.4", "v1.99.0"), "gpu-01 runs v1.99.0, of which it is not known here"],
    ["on a Talos that does not tell", judge("v1.36.3", "v1.36.4", null), "a Talos that does not tell its version"],
    ["with a kubelet far behind", judge("v1.35.4", "v1.36.3", "v1.13.9", "v1.32.9"), "more than 3 minor versions behind v1.36.3"],
    ["under a kubelet that is newer", judge("v1.35.4", "v1.35.5", "v1.13.9", "v1.36.0"), "runs v1.36.0, newer than v1.35.5"],
    ["to what is no version", judge("v1.35.4", "v2.0.0"), "v2.0.0 is no version of Kubernetes 1"],
    ["from what is no version", judge("", "v1.36.3"), "which is no version of Kubernetes 1"],
  ])("does not go %s", (_, obstacle, why) => {
    expect(obstacle).toContain(why);
  });

  const version = fc.tuple(fc.integer({ min: 20, max: 40 }), fc.nat({ max: 15 })).map(([minor, patch]) => `v1.${minor}.${patch}`);

  test("never goes back and never over a minor version, whatever runs", () => {
    fc.assert(
      fc.property(version, version, fc.integer({ min: 9, max: 14 }), (from, to, talos) => {
        if (judge(from, to, `v1.${talos}.0`, from) !== undefined) return;
        const [a, b] = [from, to].map((text) => text.split(".").map(Number));
        expect((b?.[1] ?? 0) - (a?.[1] ?? 0)).toBeGreaterThanOrEqual(0);
        expect((b?.[1] ?? 0) - (a?.[1] ?? 0)).toBeLessThanOrEqual(1);
        expect(oldestOf([to, from])).toBe(oldestOf([from, to]));
      }),
    );
  });

  test("what cannot be read is taken for the oldest", () => {
    expect(oldestOf(["v1.36.3", "v1.9.10", "v1.10.1"])).toBe("v1.9.10");
    expect(oldestOf(["v1.36.3", "latest"])).toBe("latest");
    expect(isOlderMinor("latest", "v1.36.0")).toBe(true);
    expect(isOlderMinor("v1.36.0", "v1.36.3")).toBe(false);
  });
});

const to = "v1.37.0";
const site: readonly FakeMachineOptions[] = [
  ...["cp-01", "cp-02", "cp-03"].map((name) => ({ name, pool: "control", role: "control-plane" as const })),
  ...["gpu-01", "gpu-02"].map((name) => ({ name, pool: "gpu" })),
].map((machine) => ({ ...machine, talos: "v1.14.0" }));

const start = (change: (machine: FakeMachineOptions) => Partial<FakeMachineOptions> = () => ({})) =>
  startRig({
    machines: site.map((machine) => ({ ...machine, ...change(machine) })),
    functions: [kubernetesUpgrade, componentUpgrade, powerOn, powerOff],
  });
const begin = (rig: Rig) => rig.say("kubernetes-upgrade-requested", { version: to });
const applied = ({ world }: Rig) => world.machines().map(({ did, name }) => `${name} ${did.apply}`);
const kubelets = async ({ world }: Rig) =>
  (await world.ports.cluster.nodes()).map(({ kubeletVersion, name }) => `${name} ${kubeletVersion}`);
const asked = async (rig: Rig, run: string) => {
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  const entry = (await rig.journal(run)).findLast((one) => one.is === "asked");
  return entry?.is === "asked" ? entry : undefined;
};

test("goes part by part over the control planes, then the kubelets, each proven before the next", async () => {
  const rig = await start();
  const run = await begin(rig);
  const question = await asked(rig, run);
  expect(question?.ask).toBe("Bring Kubernetes from v1.36.3 to v1.37.0, in 17 steps on one machine after another?");
  const plan = question?.plan as { steps: { component: string; machine: string }[] } | undefined;
  expect(plan?.steps.map((one) => `${one.component} ${one.machine}`)).toEqual([
    ...["kube-apiserver cp-01", "kube-apiserver cp-02", "kube-apiserver cp-03"],
    ...["kube-controller-manager cp-01", "kube-controller-manager cp-02", "kube-controller-manager cp-03"],
    ...["kube-scheduler cp-01", "kube-scheduler cp-02", "kube-scheduler cp-03"],
    ...["kube-proxy cp-01", "kube-proxy cp-02", "kube-proxy cp-03"],
    ...["kubelet cp-01", "kubelet cp-02", "kubelet cp-03", "kubelet gpu-01", "kubelet gpu-02"],
  ]);
  expect(applied(rig)).toEqual(["cp-01 0", "cp-02 0", "cp-03 0", "gpu-01 0", "gpu-02 0"]);
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("ok");
  expect(applied(rig)).toEqual(["cp-01 5", "cp-02 5", "cp-03 5", "gpu-01 1", "gpu-02 1"]);
  expect(await kubelets(rig)).toEqual(["cp-01", "cp-02", "cp-03", "gpu-01", "gpu-02"].map((name) => `${name} ${to}`));
  expect(await rig.world.ports.cluster.version()).toBe(to);
  expect([...rig.world.machine("cp-01").system.pulled]).toContain("registry.k8s.io/kube-apiserver:v1.37.0");
  expect([...rig.world.machine("gpu-01").system.pulled]).toEqual(["ghcr.io/siderolabs/kubelet:v1.37.0"]);
  expect(rig.world.violations()).toEqual([]);
  // Configurations are no power cycles.
  expect(await rig.office.reservations.uses("machine/cp-01")).toEqual([]);
});

test("one machine at a time: at no moment are two in the hands of it", async () => {
  const rig = await start();
  const run = await begin(rig);
  await rig.answer(run, true);
  let most = 0;
  await rig.until("it ends", async () => {
    const runs = await rig.worker.runs.all();
    most = Math.max(most, runs.filter((one) => one.function === "component-upgrade" && one.status !== "finished").length);
    return (await rig.summary(run))?.status === "finished";
  });
  expect(most).toBe(1);
});

test("a part that does not come up stops it, and beginning again goes on from there", async () => {
  const rig = await start();
  const { cluster } = rig.world.ports;
  const { components } = cluster;
  let broken = true;
  Object.assign(cluster, {
    async components(machine: string, signal?: AbortSignal) {
      const found = await components(machine, signal);
      const stuck = machine === "cp-02" && broken;
      return found.map((one) => (stuck && one.component === "kube-apiserver" ? { ...one, version: "v1.36.3" } : one));
    },
  });
  const run = await begin(rig);
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain(
    "kube-apiserver on cp-02: failed: cp-02: kube-apiserver v1.37.0 is not ready 5m after it was named; v1.36.3 is seen",
  );
  expect(applied(rig)).toEqual(["cp-01 1", "cp-02 1", "cp-03 0", "gpu-01 0", "gpu-02 0"]);
  expect(await rig.office.claims.holder("cp-02")).toBeUndefined();
  broken = false;
  const again = await begin(rig);
  expect((await asked(rig, again))?.ask).toContain("in 15 steps");
  await rig.answer(again, true);
  expect(await rig.ended(again)).toBe("ok");
  expect(applied(rig)).toEqual(["cp-01 5", "cp-02 5", "cp-03 5", "gpu-01 1", "gpu-02 1"]);
});

test("what runs already is not asked about again", async () => {
  const rig = await start();
  const first = await begin(rig);
  await rig.answer(first, true);
  expect(await rig.ended(first)).toBe("ok");
  const again = await begin(rig);
  expect(await rig.ended(again)).toBe("ok");
  expect(await rig.lines(again)).not.toContainEqual(expect.stringContaining("asked"));
});

test("a machine that is off is switched on first; one that is meant to be off, or held, is left for another time and named", async () => {
  const rig = await start((machine) => (machine.name === "gpu-01" ? { off: true } : {}));
  expect(await rig.ended(await rig.say("power-off-requested", { machine: "gpu-02", reason: "not needed" }))).toBe("ok");
  const run = await begin(rig);
  expect((await asked(rig, run))?.plan).toMatchObject({ wake: ["gpu-01"], later: { "gpu-02": "alice wants it off (not needed)" } });
  expect(rig.world.machine("gpu-01").power()).toBe("off");
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("ok");
  expect(rig.world.machine("gpu-02").power()).toBe("off");
  expect(await kubelets(rig)).toContain("gpu-01 v1.37.0");
  expect(await kubelets(rig)).toContain("gpu-02 v1.36.3");
  expect(await rig.lines(run)).toContainEqual(`done "who is left for another time" {"gpu-02":"alice wants it off (not needed)"}`);
});

test("a machine that does not wake is left for another time and stops nobody", async () => {
  const rig = await start((machine) => (machine.name === "gpu-01" ? { off: true } : {}));
  rig.world.machine("gpu-01").host.neverBoots = true;
  const run = await begin(rig);
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("ok");
  expect(await kubelets(rig)).toContain("gpu-02 v1.37.0");
  expect(await rig.lines(run)).toContainEqual(expect.stringContaining('"gpu-01":"it did not wake: failed: '));
});

test("a control plane that does not answer, or an image that it cannot pull, stops it before anything is changed", async () => {
  const silent = await start();
  silent.world.machine("cp-02").system.faults.silent = true;
  const run = await begin(silent);
  expect(await silent.ended(run)).toBe("refused");
  expect(await lastOf(silent, run)).toContain(
    "the control plane cp-02 does not take part: its power is on; cp-02: version: no answer in 5s",
  );

  const rig = await start();
  rig.world.machine("cp-03").system.faults.pullFails = "registry.k8s.io: no route to host";
  const pulling = await begin(rig);
  await rig.answer(pulling, true);
  expect(await rig.ended(pulling)).toBe("failed");
  expect(await lastOf(rig, pulling)).toContain("cp-03: its images cannot be pulled: cp-03: image pull: registry.k8s.io: no route to host");
  expect(applied(rig)).toEqual(["cp-01 0", "cp-02 0", "cp-03 0", "gpu-01 0", "gpu-02 0"]);
});

test("a worker that cannot pull is left for another time", async () => {
  const rig = await start();
  rig.world.machine("gpu-01").system.faults.pullFails = "disk full";
  const run = await begin(rig);
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("ok");
  expect(await kubelets(rig)).toEqual([...["cp-01", "cp-02", "cp-03"].map((name) => `${name} ${to}`), "gpu-01 v1.36.3", `gpu-02 ${to}`]);
});

test("a Talos that does not support the version stops it, whoever runs it", async () => {
  const rig = await start((machine) => (machine.name === "gpu-02" ? { talos: "v1.13.9" } : {}));
  const run = await begin(rig);
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("gpu-02 runs Talos v1.13.9, which supports Kubernetes 1.31 to 1.36");
});

test("who refuses the plan has nothing changed", async () => {
  const rig = await start();
  const run = await begin(rig);
  await rig.answer(run, false);
  expect(await rig.ended(run)).toBe("denied");
  expect(applied(rig)).toEqual(["cp-01 0", "cp-02 0", "cp-03 0", "gpu-01 0", "gpu-02 0"]);
});

test("the whole of it can be planned, and nothing is done", async () => {
  const rig = await start();
  const [planned] = await planEvent(rig.office, {
    ...{ type: "kubernetes-upgrade-requested", data: { version: to }, origin: "operator", source: "test", actor: "alice" },
  });
  expect(planned?.stops).toBeUndefined();
  expect(planned?.steps.filter(({ what }) => what === "emits component-upgrade-requested")).toHaveLength(17);
  expect(applied(rig)).toEqual(["cp-01 0", "cp-02 0", "cp-03 0", "gpu-01 0", "gpu-02 0"]);
});

const component = async (rig: Rig, data: { machine: string; component: string; version: string }, id = "one") => {
  await rig.office.bus.publish(componentUpgrade.on, data, { id, source: "test" });
  await rig.until("it began", async () => (await rig.runsOf(data.machine)).some((one) => one.event.id === id));
  return (await rig.runsOf(data.machine)).find((one) => one.event.id === id)?.run ?? "";
};

test("component-upgrade: named in the configuration without a reboot, and proven", async () => {
  const rig = await start();
  const box = rig.world.machine("cp-01");
  const boot = box.kernel();
  const run = await component(rig, { machine: "cp-01", component: "kube-apiserver", version: to });
  expect(await rig.ended(run)).toBe("ok");
  expect(await rig.lines(run)).toMatchInlineSnapshot(`
    [
      "started component-upgrade for cp-01",
      "done "see that its Talos answers" "v1.14.0"",
      "done "see that it gets no newer than the API server"",
      "intent "name the version in its configuration" apply-config #1",
      "outcome "name the version in its configuration" done: its configuration names v1.37.0",
      "waiting "kube-apiserver runs v1.37.0"",
      "done "kube-apiserver runs v1.37.0" {"version":"v1.37.0"}",
      "finished ok",
    ]
  `);
  expect(box.kernel()).toBe(boot);
  expect(box.system.configuration).toContain("kube-apiserver: v1.37.0\nkube-controller-manager: v1.36.3");
});

test("component-upgrade: no part gets newer than an API server", async () => {
  const rig = await start();
  for (const [index, part] of ["kubelet", "kube-scheduler", "kube-proxy"].entries()) {
    const run = await component(rig, { machine: "cp-01", component: part, version: to }, `n${index}`);
    expect(await rig.ended(run)).toBe("refused");
    expect(await lastOf(rig, run)).toContain(`${part} v1.37.0 would be newer than the API server on cp-01, which runs v1.36.3`);
  }
  expect(rig.world.machine("cp-01").did.apply).toBe(0);
  const patch = await component(rig, { machine: "cp-01", component: "kubelet", version: "v1.36.9" }, "patch");
  expect(await rig.ended(patch)).toBe("ok");
});

test("component-upgrade: a configuration that the machine refuses ends it, with what it said", async () => {
  const rig = await start();
  rig.world.machine("gpu-01").system.faults.refusesConfig = "unknown keys found";
  const run = await component(rig, { machine: "gpu-01", component: "kubelet", version: "v1.36.9" });
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("unknown keys found");
});

test("component-upgrade: a lost answer is looked up in the machine's configuration", async () => {
  const rig = await start();
  rig.world.machine("gpu-01").system.faults.losesAnswers = true;
  const run = await component(rig, { machine: "gpu-01", component: "kubelet", version: "v1.36.9" });
  expect(await rig.ended(run)).toBe("ok");
  expect(rig.world.machine("gpu-01").did.apply).toBe(1);
});

test("component-upgrade: at another machine's Talos nothing is applied", async () => {
  const rig = await start();
  rig.world.machine("gpu-01").system.faults.identity = { uuid: "4c4c4544-0033-4a10-8051-c7c04f5a3299" };
  const run = await component(rig, { machine: "gpu-01", component: "kubelet", version: "v1.36.9" });
  await rig.ended(run);
  expect(rig.world.machine("gpu-01").did.apply).toBe(0);
});

test("component-upgrade: a freeze holds it back, and then it goes on", async () => {
  const rig = await start();
  await rig.say("freeze-requested", { reason: "audit" });
  const run = await component(rig, { machine: "gpu-01", component: "kubelet", version: "v1.36.9" });
  await shows(rig, run, "frozen by alice: audit");
  expect(rig.world.machine("gpu-01").did.apply).toBe(0);
  await rig.say("freeze-released", {});
  expect(await rig.ended(run)).toBe("ok");
});
