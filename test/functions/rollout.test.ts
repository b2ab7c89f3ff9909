import fc from "fast-check";
import { expect, test } from "vitest";
import { planEvent } from "#events";
import { wavesOf } from "#functions/fragments/waves.ts";
import rollout from "#functions/rollout.ts";
import type { FakeMachineOptions } from "#functions/testing/mod.ts";
import upgrade from "#functions/upgrade.ts";
import { lastOf, type Rig, startRig } from "./rig.ts";

const [from, to] = ["v1.13.9", "v1.14.0"];
const site: readonly FakeMachineOptions[] = [
  ...["cp-01", "cp-02", "cp-03"].map((name) => ({ name, pool: "control", role: "control-plane" as const })),
  ...["gpu-01", "gpu-02"].map((name) => ({ name, pool: "gpu", gpus: 2 })),
  ...["ssd-01", "ssd-02"].map((name) => ({ name, pool: "storage" })),
];
const names = site.map(({ name }) => name);

async function start(machines: readonly FakeMachineOptions[] = site): Promise<Rig> {
  const rig = await startRig({ machines, etcd: true, functions: [rollout, upgrade] });
  for (const { name, gpus = 0 } of machines) rig.world.configs.declare(name, { profile: gpus > 0 ? "dgx" : "plain" });
  return rig;
}

const begin = (rig: Rig, data: object = {}) => rig.say("rollout-requested", { version: to, ...data });
const versions = ({ world }: Rig) => world.machines().map(({ name, system }) => [name, system.running?.version]);
const planOf = async (rig: Rig, run: string) => {
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  const asked = (await rig.journal(run)).find((entry) => entry.is === "asked");
  return asked?.is === "asked" ? asked : undefined;
};
/** When upgrades were handed out and had ended, in order. */
const handed = async (rig: Rig, run: string) =>
  (await rig.journal(run)).flatMap((entry) => (entry.is === "done" && entry.step.startsWith("upgrade ") ? [entry.step] : []));

test("a canary of each kind first, then control planes, then the others, one at a time, and all serve with the new version", async () => {
  const rig = await start();
  const run = await begin(rig);
  const asked = await planOf(rig, run);
  expect(asked?.ask).toBe("Upgrade 7 machines in this order, 3 of them first of their kind?");
  expect(asked?.plan).toMatchObject({
    order: [
      { machine: "gpu-01", profile: "dgx", canary: true, soaks: true, from, to },
      { machine: "ssd-01", profile: "plain", canary: true, soaks: true },
      { machine: "cp-01", role: "control-plane", canary: true, soaks: true },
      { machine: "cp-02", canary: false, soaks: false },
      { machine: "cp-03", canary: false },
      { machine: "gpu-02", canary: false },
      { machine: "ssd-02", canary: false },
    ],
    there: [],
    left: {},
  });
  expect(rig.world.machines().every(({ did }) => did.cordon === 0)).toBe(true);
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("ok");
  expect(versions(rig)).toEqual(names.map((name) => [name, to]));
  const order = ["gpu-01", "ssd-01", "cp-01", "cp-02", "cp-03", "gpu-02", "ssd-02"];
  expect(await handed(rig, run)).toEqual(order.flatMap((name) => [`upgrade ${name}`, `upgrade ${name}: its end`]));
  for (const { name, did, node } of rig.world.machines()) {
    expect(did, name).toMatchObject({ upgrade: 1, reboot: 1, cordon: 1, uncordon: 1 });
    expect(node.unschedulable, name).toBe(false);
  }
  expect(rig.world.violations()).toEqual([]);
});

test("one machine is not asked about, and is restarted cold", async () => {
  const rig = await start();
  const { badVersions } = rig.world.machine("gpu-01").system.faults;
  badVersions.set(to, "needs-kexec");
  await rig.say("hold-requested", { scope: "machine", name: "gpu-02", reason: "new fans" });
  const run = await begin(rig, { pool: "gpu" });
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("gpu-01: failed: gpu-01 is not upgraded (lost)");
});

test("who says no to the order has nothing upgraded", async () => {
  const rig = await start();
  const run = await begin(rig);
  await rig.answer(run, false);
  expect(await rig.ended(run)).toBe("denied");
  expect(versions(rig)).toEqual(names.map((name) => [name, from]));
});

test("it stops at the first that fails, and says what was and what was not done", async () => {
  const rig = await start();
  rig.world.machine("ssd-01").system.faults.badVersions.set(to, "crashes");
  const run = await begin(rig);
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("failed");
  const last = (await lastOf(rig, run)) ?? "";
  expect(last).toContain("ssd-01: failed: ssd-01 rolled back");
  expect(last).toContain("Upgraded: gpu-01. Not begun: cp-01, cp-02, cp-03, gpu-02, ssd-02");
  expect(versions(rig).filter(([, version]) => version === to)).toEqual([["gpu-01", to]]);
  expect(rig.world.machine("ssd-01").node.unschedulable).toBe(false);
});

test("begun again after a failure, it goes on from there, and a version that a machine went back from keeps it from beginning", async () => {
  const rig = await start();
  const { badVersions } = rig.world.machine("ssd-01").system.faults;
  badVersions.set(to, "crashes");
  const first = await begin(rig);
  await rig.answer(first, true);
  await rig.ended(first);
  const second = await begin(rig);
  expect(await rig.ended(second)).toBe("refused");
  expect(await lastOf(rig, second)).toContain("nothing is begun: ssd-01 is not upgraded to v1.14.0: it did not come up with it");
  badVersions.clear();
  await rig.ended(await rig.say("upgrade-requested", { machine: "ssd-01", version: to, confirm: "ssd-01" }));
  const third = await begin(rig);
  expect((await planOf(rig, third))?.plan).toMatchObject({ there: ["gpu-01", "ssd-01"] });
  await rig.answer(third, true);
  expect(await rig.ended(third)).toBe("ok");
});

test("a canary that fails while it is watched keeps the others of its kind, and everybody else, as they are", async () => {
  const rig = await start();
  const run = await begin(rig);
  await rig.answer(run, true);
  await rig.until("the canary soaks", () => rig.world.machine("gpu-01").did.uncordon === 1);
  await rig.clock.sleep(120_000);
  rig.world.machine("gpu-01").host.sick = "PLEG is not healthy";
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("gpu-01 did not stay healthy with v1.14.0");
  expect(versions(rig).filter(([, version]) => version === to)).toEqual([["gpu-01", to]]);
});

test("a canary that started anew while it was watched counts as failed, though it is Ready again", async () => {
  const rig = await start();
  const run = await begin(rig);
  await rig.answer(run, true);
  const box = rig.world.machine("gpu-01");
  await rig.until("the canary soaks", () => box.did.uncordon === 1);
  await rig.clock.sleep(120_000);
  box.press("off");
  box.press("on", 1000);
  expect(await rig.ended(run)).toBe("failed");
  expect(box.isReady()).toBe(true);
  expect(await lastOf(rig, run)).toContain("gpu-01 did not stay healthy");
});

test("storage that does not get well between two machines stops it after its time, and one that does is waited for", async () => {
  const rig = await start();
  const run = await begin(rig, { pool: "storage" });
  await rig.answer(run, true);
  await rig.until("the first is done", () => rig.world.machine("ssd-01").did.uncordon === 1);
  rig.world.storage.healthy = false;
  rig.world.storage.why = "HEALTH_WARN: 1 osd down";
  await rig.clock.sleep(30 * 60_000);
  expect(rig.world.machine("ssd-02").did.cordon).toBe(0);
  rig.world.storage.healthy = true;
  expect(await rig.ended(run)).toBe("ok");

  rig.world.storage.healthy = false;
  const next = await begin(rig, { pool: "gpu" });
  await rig.answer(next, true);
  expect(await rig.ended(next)).toBe("failed");
  expect(await lastOf(rig, next)).toContain("gpu-01 is not begun: storage is not healthy: HEALTH_WARN: 1 osd down");
  expect(rig.world.machine("gpu-01").did.cordon).toBe(0);
});

test("one that was upgraded and is no longer Ready keeps the next from going away", async () => {
  const rig = await start();
  const run = await begin(rig);
  await rig.answer(run, true);
  await rig.until("it is among control planes", () => rig.world.machine("cp-02").did.uncordon === 1);
  rig.world.machine("gpu-01").host.sick = "PLEG is not healthy";
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("is not begun: gpu-01, upgraded before, no longer Ready");
  expect(rig.world.machine("gpu-02").did.cordon).toBe(0);
});

test("an etcd that is not whole keeps control planes back", async () => {
  const rig = await start();
  const run = await begin(rig, { pool: "control" });
  await rig.answer(run, true);
  await rig.until("the first is done", () => rig.world.machine("cp-01").did.uncordon === 1);
  const member = rig.world.etcd.of("cp-03");
  member?.errors.push("etcdserver: corrupt");
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("cp-02 is not begun: 2 of 3 etcd voters serve, without cp-03");
  expect(rig.world.violations()).toEqual([]);
});

test("held machines, those meant to be off and those that must be named are left, and shown as such", async () => {
  const rig = await start([
    { name: "cp-01", role: "control-plane" },
    { name: "gpu-01", carriesLightsout: true },
    ...["gpu-02", "gpu-03", "gpu-04", "gpu-05"].map((name) => ({ name })),
  ]);
  await rig.say("hold-requested", { scope: "machine", name: "gpu-02", reason: "new fans" });
  rig.world.configs.declare("gpu-03", undefined);
  const run = await begin(rig);
  expect((await planOf(rig, run))?.plan).toMatchObject({
    order: [{ machine: "gpu-04" }, { machine: "gpu-05" }],
    left: {
      "cp-01": "it is the only control plane: lightsout upgrade cp-01 --confirm cp-01",
      "gpu-01": "it carries Lightsout: lightsout upgrade gpu-01 --confirm gpu-01",
      "gpu-02": "held by alice (machine gpu-02): new fans",
      "gpu-03": "nothing is declared of its Talos",
    },
  });
  await rig.say("hold-requested", { scope: "machine", name: "gpu-05", reason: "new fans" });
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("ok");
  expect(versions(rig).filter(([, version]) => version === to)).toEqual([["gpu-04", to]]);
});

test("nothing is begun while one of them does not answer, or could not go there", async () => {
  const rig = await start();
  rig.world.machine("gpu-02").hang();
  const silent = await begin(rig);
  expect(await rig.ended(silent)).toBe("refused");
  expect(await lastOf(rig, silent)).toContain("nothing is begun: gpu-02");

  const passed = await begin(rig, { pool: "storage", version: "v1.16.0" });
  expect(await rig.ended(passed)).toBe("refused");
  expect(await lastOf(rig, passed)).toMatch(/ssd-01 is not upgraded to v1\.16\.0.*; ssd-02 is not upgraded/);
});

test("what runs the declared version everywhere is left alone", async () => {
  const rig = await start();
  expect(await rig.ended(await rig.say("rollout-requested", {}))).toBe("ok");
  expect(rig.world.machines().every(({ did }) => did.cordon === 0)).toBe(true);
});

test("what it would do is shown without doing it", async () => {
  const rig = await start();
  const word = { type: "rollout-requested", data: { version: to }, origin: "operator", source: "test", actor: "alice" } as const;
  const [planned] = await planEvent(rig.office, word);
  expect(planned?.stops).toBeUndefined();
  expect(planned?.steps.filter(({ what }) => what === "emits upgrade-requested").map(({ step }) => step)).toEqual(
    ["gpu-01", "ssd-01", "cp-01", "cp-02", "cp-03", "gpu-02", "ssd-02"].map((name) => `upgrade ${name}`),
  );
});

test("everybody comes exactly once, one canary of each kind before the others of it, and control planes after the workers' canaries", () => {
  const members = fc.uniqueArray(
    fc.record({
      machine: fc.uuid(),
      role: fc.constantFrom("worker" as const, "control-plane" as const),
      profile: fc.constantFrom("a", "b"),
    }),
    { selector: ({ machine }) => machine },
  );
  fc.assert(
    fc.property(members, (given) => {
      const order = wavesOf(given);
      expect(order.map(({ machine }) => machine).sort()).toEqual(given.map(({ machine }) => machine).sort());
      for (const [index, { canary, profile, role, soaks }] of order.entries()) {
        const alike = order.filter((one) => one.profile === profile && one.role === role);
        expect(alike.filter((one) => one.canary)).toEqual([alike[0]]);
        expect(soaks).toBe(canary && alike.length > 1);
        const late = order.slice(index + 1).some((one) => one.role === "worker" && one.canary);
        if (role === "control-plane") expect(late).toBe(false);
      }
    }),
  );
});
