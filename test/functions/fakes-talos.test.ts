import { expect, test } from "vitest";
import type { Talos } from "#adapters/os/port.ts";
import type { ActVerb, Duration } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import { createFakeTime, createFakeWorld, type FakeWorldOptions } from "#functions/testing/mod.ts";

const cps = (...names: string[]) => names.map((name) => ({ name, role: "control-plane" as const, address: `10.0.0.${name.at(-1)}` }));

function startWorld(options: FakeWorldOptions) {
  const clock = createFakeTime().clock();
  const world = createFakeWorld(clock, options);
  const permit = (machine: string, verb: ActVerb, run = "run-1") =>
    mintPermit({ run, step: "s", attempt: 1, machine, verb, signal: new AbortController().signal, gate: () => undefined });
  return {
    ...{ world, clock, permit, talos: (machine: string): Talos => world.ports.talos.of(machine), box: world.machine },
    sleep: (seconds: number) => clock.sleep(seconds * 1000),
    async until(met: () => Promise<boolean>) {
      for (const end = clock.mono() + 600_000; !(await met()); await clock.sleep(1000)) {
        if (clock.mono() > end) throw new Error("not within ten minutes");
      }
    },
    off: (machine: string) => world.ports.power.of(machine).off(permit(machine, "force-off"), "hard"),
    on: (machine: string) => world.ports.power.of(machine).on(permit(machine, "power-on")),
    bootOnce: (machine: string, target: "pxe" | "http" | "cd", uri?: string) =>
      world.ports.power.of(machine).bootOnce(permit(machine, "boot-once"), target, uri),
    async arm(machine: string, { wipe = true, run = "run-1", within = "1h" as Duration } = {}) {
      const profile = await world.netboot.prepare(machine, { wipe });
      return await world.netboot.arms.arm(machine, { run, profile, within });
    },
    async upgrade(machine: string, version: string) {
      const image = world.configs.declared(machine).installerOf(version);
      await world.ports.talos.of(machine).pullImage(image);
      return await world.ports.talos.of(machine).upgrade(permit(machine, "upgrade"), image);
    },
  };
}

const stagesOf = async ({ world }: ReturnType<typeof startWorld>, machine: string) =>
  (await world.netboot.arms.of(machine))?.evidence.map(({ stage }) => stage);

test("a blank machine that is armed loads, installs what is declared, and starts from its disk, once", async () => {
  const rig = startWorld({ machines: [{ name: "gpu-1", blank: true }, "gpu-2"] });
  const { world, talos, box } = rig;
  expect(await world.ports.cluster.node("gpu-1")).toBeUndefined();
  expect(await talos("gpu-1").presence()).toMatchObject({ is: "silent" });
  await rig.arm("gpu-1", { wipe: false });
  await rig.on("gpu-1");
  await rig.sleep(180);
  expect(await stagesOf(rig, "gpu-1")).toEqual(["armed", "script-fetched", "kernel-sent", "initramfs-sent", "config-sent"]);
  expect((await world.netboot.arms.of("gpu-1"))?.state).toBe("taken");
  expect(await talos("gpu-1").version()).toMatchObject({ tag: "v1.13.9" });
  expect(await talos("gpu-1").schematic()).toBe(world.configs.declared("gpu-1").schematic);
  expect((await world.ports.cluster.node("gpu-1"))?.ready).toBe("true");
  expect(box("gpu-1").did).toMatchObject({ install: 1, wipe: 0 });

  // The arm is spent: however often it is sent to the network, it starts from its disk.
  for (let again = 0; again < 3; again += 1) {
    await rig.bootOnce("gpu-1", "pxe");
    await rig.off("gpu-1");
    await rig.sleep(5);
    await rig.on("gpu-1");
    await rig.sleep(90);
  }
  expect(await talos("gpu-1").presence()).toMatchObject({ is: "ours" });
  expect(box("gpu-1").did.install).toBe(1);
  expect(world.violations()).toEqual([]);
});

test("an installed machine is wiped first and then installed; the override is used up by the first start", async () => {
  const rig = startWorld({ machines: ["gpu-1"] });
  const { talos, box } = rig;
  const before = await talos("gpu-1").bootId();
  await rig.arm("gpu-1");
  await rig.bootOnce("gpu-1", "pxe");
  await talos("gpu-1").reboot(rig.permit("gpu-1", "os-reboot"), "power-cycle");
  await rig.sleep(240);
  expect(await stagesOf(rig, "gpu-1")).toEqual([
    ...["armed", "script-fetched", "kernel-sent", "initramfs-sent"],
    ...["script-fetched", "kernel-sent", "initramfs-sent", "config-sent"],
  ]);
  expect(await rig.world.ports.power.of("gpu-1").bootOverride()).toEqual({ target: "none", once: false, raw: "none" });
  expect(await talos("gpu-1").bootId()).not.toBe(before);
  expect(box("gpu-1").did).toMatchObject({ wipe: 1, install: 1 });
  expect(rig.world.violations()).toEqual([]);
});

test("a reboot by kexec passes the network by, however it is armed", async () => {
  const rig = startWorld({ machines: ["gpu-1"] });
  await rig.arm("gpu-1");
  await rig.bootOnce("gpu-1", "pxe");
  await rig.talos("gpu-1").reboot(rig.permit("gpu-1", "os-reboot"), "default");
  await rig.sleep(120);
  expect(await stagesOf(rig, "gpu-1")).toEqual(["armed"]);
  expect((await rig.world.ports.power.of("gpu-1").bootOverride()).target).toBe("pxe");
  expect(rig.box("gpu-1").did).toMatchObject({ reboot: 1, wipe: 0, install: 0 });
});

test("without a wipe the configuration on the disk wins, and nobody is asked for another one", async () => {
  const rig = startWorld({ machines: ["gpu-1"] });
  await rig.arm("gpu-1", { wipe: false });
  await rig.bootOnce("gpu-1", "http", "http://10.0.0.1/boot.efi");
  await rig.talos("gpu-1").reboot(rig.permit("gpu-1", "os-reboot"), "power-cycle");
  await rig.sleep(120);
  expect(await stagesOf(rig, "gpu-1")).toEqual(["armed", "script-fetched", "kernel-sent", "initramfs-sent"]);
  expect(rig.box("gpu-1").did.install).toBe(0);
  expect(await rig.talos("gpu-1").presence()).toMatchObject({ is: "ours" });
});

test("arms: one run's at a time, once, and nothing after it expired or was taken back", async () => {
  const rig = startWorld({ machines: [{ name: "gpu-1", blank: true }] });
  const { arms } = rig.world.netboot;
  const token = await rig.arm("gpu-1", { wipe: false });
  expect(await rig.arm("gpu-1", { wipe: false })).toBe(token);
  await expect(rig.arm("gpu-1", { run: "run-2" })).rejects.toMatchObject({ code: "LO_ARMED" });
  expect((await arms.disarm("gpu-1", { run: "run-2", why: "not mine" }))?.state).toBe("armed");
  expect((await arms.disarm("gpu-1", { run: "run-1", why: "enough" }))?.state).toBe("disarmed");
  await expect(rig.arm("gpu-1")).rejects.toMatchObject({ code: "LO_ARM_SPENT" });
  expect(await arms.consume("gpu-1", "run-1", "late")).toBe(false);

  await rig.arm("gpu-1", { run: "run-2", wipe: false, within: "1s" });
  await rig.on("gpu-1");
  await rig.sleep(120);
  expect(rig.box("gpu-1").did.install).toBe(0);
  expect(await rig.talos("gpu-1").presence()).toMatchObject({ is: "silent" });
  expect(JSON.stringify(await arms.of("gpu-1"))).not.toContain("token");
});

test("disks: what carries foreign signatures, or was not declared, must not be written", async () => {
  const rig = startWorld({ machines: ["gpu-1", "gpu-2"] });
  const [disk] = rig.box("gpu-1").system.disks;
  if (disk) disk.found = ["bluestore"];
  expect((await rig.talos("gpu-1").disks())[0]?.signatures).toContainEqual({ volume: "nvme0n1", found: "bluestore", foreign: true });
  rig.world.configs.declare("gpu-2", { disk: { serial: "S-other" } });
  for (const name of ["gpu-1", "gpu-2"])
    await rig.talos(name).reset(rig.permit(name, "os-reset"), { graceful: false, reboot: false, wipe: { what: "system-disk" } });
  await rig.sleep(30);
  expect(rig.world.violations()).toEqual([
    "gpu-1: disk S-gpu-1 was wiped although it carried bluestore",
    "gpu-2: disk S-gpu-2 was wiped, which is not the declared one",
  ]);
});

test("a machine in maintenance is read and configured over its own API, and installs itself", async () => {
  const rig = startWorld({ machines: [{ name: "gpu-1", blank: true }] });
  const { maintenance } = rig.talos("gpu-1");
  await rig.bootOnce("gpu-1", "cd", "http://10.0.0.1/metal.iso");
  await rig.on("gpu-1");
  await rig.sleep(60);
  expect(await rig.talos("gpu-1").presence()).toMatchObject({ is: "maintenance" });
  expect(await maintenance.status()).toMatchObject({ stage: "maintenance", ready: true });
  expect((await maintenance.disks())[0]).toMatchObject({ serial: "S-gpu-1", system: false });
  await expect(rig.talos("gpu-1").version()).rejects.toMatchObject({ code: "LO_TALOS_CERTIFICATE", effect: "none" });
  const { text } = await rig.world.configs.render("gpu-1");
  await maintenance.applyConfiguration(rig.permit("gpu-1", "configure"), text);
  await rig.sleep(90);
  expect(await rig.talos("gpu-1").status()).toEqual({ stage: "running", ready: true, unmet: [] });
  expect(await rig.talos("gpu-1").configuration()).toBe(text);
  await expect(maintenance.system()).rejects.toMatchObject({ code: "LO_TALOS_CERTIFICATE" });
});

test("an upgrade installs beside what runs; the reboot starts it, and ready confirms it", async () => {
  const rig = startWorld({ machines: ["gpu-1"] });
  const talos = rig.talos("gpu-1");
  await expect(talos.upgrade(rig.permit("gpu-1", "upgrade"), "factory.talos.dev/metal-installer/abc:v1.14.0")).rejects.toThrow(
    "not in the store",
  );
  expect(await rig.upgrade("gpu-1", "v1.14.0")).toMatchObject({ api: "lifecycle", reboots: false });
  expect(await talos.version()).toMatchObject({ tag: "v1.13.9" });
  expect(await talos.upgradePending()).toBe(true);
  const { actor = "" } = await talos.reboot(rig.permit("gpu-1", "os-reboot"), "power-cycle");
  expect((await talos.follow(actor)).end).toBe("done");
  await rig.sleep(34);
  expect(await talos.version()).toMatchObject({ tag: "v1.14.0" });
  await rig.sleep(10);
  expect(await talos.upgradePending()).toBe(false);
  await talos.rollback(rig.permit("gpu-1", "rollback"));
  await rig.sleep(60);
  expect(await talos.version()).toMatchObject({ tag: "v1.13.9" });
  expect(rig.box("gpu-1").did).toMatchObject({ upgrade: 1, reboot: 1, rollback: 1 });
});

test("bad versions: what crashes falls back, what hangs stays dark, what needs kexec betrays itself at a cold start", async () => {
  const rig = startWorld({ machines: ["gpu-1", "gpu-2", "gpu-3"] });
  const bad = { "gpu-1": "crashes", "gpu-2": "hangs", "gpu-3": "needs-kexec" } as const;
  for (const [name, fate] of Object.entries(bad)) {
    rig.box(name).system.faults.badVersions.set("v1.14.0", fate);
    await rig.upgrade(name, "v1.14.0");
    await rig.talos(name).reboot(rig.permit(name, "os-reboot"), "default");
  }
  await rig.sleep(120);
  expect(await rig.talos("gpu-1").version()).toMatchObject({ tag: "v1.13.9" });
  expect(await rig.talos("gpu-1").upgradePending()).toBe(false);
  expect(await rig.talos("gpu-2").presence()).toMatchObject({ is: "silent" });
  expect(await rig.talos("gpu-3").version()).toMatchObject({ tag: "v1.14.0" });
  await rig.talos("gpu-3").reboot(rig.permit("gpu-3", "os-reboot"), "power-cycle");
  await rig.sleep(120);
  expect(await rig.talos("gpu-3").presence()).toMatchObject({ is: "silent" });
});

test("the installer's exit code decides, and it refuses to be installed over what is too old", async () => {
  const rig = startWorld({ machines: ["gpu-1", { name: "old-1", talos: "v1.11.6" }] });
  rig.box("gpu-1").system.faults.installerExit = 2;
  await expect(rig.upgrade("gpu-1", "v1.14.0")).rejects.toMatchObject({ code: "LO_TALOS_REFUSED", effect: "unknown" });
  expect(await rig.talos("gpu-1").upgradePending()).toBe(false);
  // Before 1.13 the machine drains and reboots by itself, whatever its installer says.
  expect(await rig.upgrade("old-1", "v1.14.0")).toMatchObject({ api: "legacy", reboots: true });
  await rig.sleep(60);
  expect(await rig.talos("old-1").version()).toMatchObject({ tag: "v1.11.6" });
  await rig.upgrade("old-1", "v1.12.11");
  await rig.sleep(60);
  expect(await rig.talos("old-1").version()).toMatchObject({ tag: "v1.12.11" });
});

test("acts that are lost, refused or misdirected say what became of them", async () => {
  const rig = startWorld({ machines: ["gpu-1"] });
  const { system, did } = rig.box("gpu-1");
  const reboot = () => rig.talos("gpu-1").reboot(rig.permit("gpu-1", "os-reboot"), "default");
  system.faults.unreachable = 1;
  await expect(reboot()).rejects.toMatchObject({ code: "LO_TALOS_UNREACHABLE", effect: "none" });
  system.faults.identity = { uuid: "4c4c4544-0000-4a10-8051-c7c04f5a3299" };
  await expect(reboot()).rejects.toMatchObject({ code: "LO_TALOS_IDENTITY", effect: "none" });
  system.faults.identity = {};
  system.faults.foreign = true;
  await expect(reboot()).rejects.toMatchObject({ code: "LO_TALOS_CERTIFICATE", effect: "none" });
  system.faults.foreign = false;
  expect(did.reboot).toBe(0);
  system.faults.sequences = { end: "refused", seen: "another sequence holds the lock" };
  const { actor = "" } = await reboot();
  expect((await rig.talos("gpu-1").follow(actor)).end).toBe("refused");
  system.faults.sequences = undefined;
  const before = await rig.talos("gpu-1").bootId();
  system.faults.losesAnswers = true;
  await expect(reboot()).rejects.toMatchObject({ code: "LO_TALOS_UNREACHABLE", effect: "unknown" });
  await rig.sleep(60);
  expect(await rig.talos("gpu-1").bootId()).not.toBe(before);
  await expect(rig.talos("gpu-1").shutdown(rig.permit("gpu-2", "os-shutdown"))).rejects.toThrow("the permit is for gpu-2");
});

test("etcd: an act of ours that costs the majority is a violation; what happens by itself is none", async () => {
  const rig = startWorld({ machines: cps("cp-1", "cp-2", "cp-3"), etcd: true });
  rig.box("cp-1").hang();
  expect(rig.world.api.reachable).toBe(true);
  expect(rig.world.violations()).toEqual([]);
  await rig.off("cp-2");
  await rig.sleep(5);
  expect(rig.world.api.reachable).toBe(false);
  expect(rig.world.violations()).toEqual(["etcd lost its majority: cp-2 was switched off"]);
  await expect(rig.world.ports.cluster.nodes()).rejects.toMatchObject({ code: "LO_CLUSTER_UNREACHABLE" });
  await expect(rig.talos("cp-3").etcd.members()).rejects.toMatchObject({ code: "LO_TALOS_TIMEOUT" });
  expect((await rig.talos("cp-3").etcd.status()).leader).toBeUndefined();
  await rig.on("cp-2");
  await rig.sleep(60);
  expect(rig.world.api.reachable).toBe(true);
  rig.box("cp-3").hang();
  expect(rig.world.violations()).toHaveLength(1);
});

test("etcd: a control plane is rebuilt by leaving, being installed, and joining as a learner that becomes a voter", async () => {
  const rig = startWorld({ machines: cps("cp-1", "cp-2", "cp-3"), etcd: true });
  const members = async () => (await rig.talos("cp-2").etcd.members()).map(({ name, learner }) => `${name}${learner ? " learns" : ""}`);
  expect(await rig.talos("cp-1").etcd.forfeitLeadership()).toBe("cp-2");
  expect(await rig.talos("cp-1").etcd.forfeitLeadership()).toBeUndefined();
  await rig.talos("cp-1").etcd.leave(rig.permit("cp-1", "etcd-remove-member"));
  expect(await members()).toEqual(["cp-2", "cp-3"]);
  await rig.arm("cp-1");
  await rig.bootOnce("cp-1", "pxe");
  await rig.off("cp-1");
  await rig.sleep(5);
  await rig.on("cp-1");
  await rig.until(async () => rig.world.etcd.members.length === 3);
  expect(await members()).toEqual(["cp-2", "cp-3", " learns"]);
  await rig.sleep(20);
  expect(await members()).toEqual(["cp-2", "cp-3", "cp-1"]);
  expect(rig.world.violations()).toEqual([]);
});

test("etcd: to wipe a member, and to remove one that serves, are violations", async () => {
  const rig = startWorld({ machines: cps("cp-1", "cp-2", "cp-3", "cp-4", "cp-5"), etcd: true });
  const { id = "" } = rig.world.etcd.of("cp-2") ?? {};
  const remove = (name = "cp-2") =>
    rig.talos("cp-1").etcd.removeMember(rig.permit("cp-2", "etcd-remove-member"), { machine: "cp-2", id, name });
  await expect(remove("cp-4")).rejects.toMatchObject({ code: "LO_TALOS_REFUSED", effect: "none" });
  expect((await remove()).did).toBe("sent");
  expect(rig.box("cp-2").did.etcdRemove).toBe(1);
  expect((await remove()).did).toBe("already");
  await rig.talos("cp-3").reset(rig.permit("cp-3", "os-reset"), { graceful: false, reboot: false, wipe: { what: "system-disk" } });
  await rig.sleep(10);
  expect(rig.world.violations()).toEqual([
    "etcd member cp-2 was removed while it served",
    "cp-3 was wiped while it was still a member of etcd",
  ]);
});

test("a cluster from nothing: bootstrapped once, then the others join and the API answers", async () => {
  const machines = [...cps("cp-1", "cp-2", "cp-3"), { name: "gpu-1" }].map((one) => ({ ...one, blank: true }));
  const rig = startWorld({ machines, etcd: true });
  rig.world.api.needsCni = true;
  for (const { name } of machines) {
    await rig.arm(name, { wipe: false });
    await rig.on(name);
  }
  await rig.sleep(120);
  expect(rig.world.api.reachable).toBe(false);
  const bootstrap = (name: string) => rig.talos(name).bootstrap(rig.permit(name, "bootstrap"));
  rig.box("cp-1").system.faults.notReadyToBootstrap = 1;
  await expect(bootstrap("cp-1")).rejects.toMatchObject({ code: "LO_TALOS_REFUSED", effect: "none" });
  expect(await rig.talos("cp-1").etcd.running()).toBe(false);
  expect((await bootstrap("cp-1")).did).toBe("sent");
  expect(await rig.talos("cp-1").etcd.running()).toBe(true);
  expect((await bootstrap("cp-1")).did).toBe("already");
  expect(rig.world.api.reachable).toBe(true);
  await rig.sleep(20);
  expect((await rig.talos("cp-2").etcd.members()).map(({ name }) => name)).toEqual(["cp-1", "cp-2", "cp-3"]);
  const ready = async () => (await rig.world.ports.cluster.nodes()).map((node) => node.ready);
  expect(await ready()).toEqual(["false", "false", "false", "false"]);
  await rig.world.ports.cluster.apply("kind: DaemonSet");
  expect(await ready()).toEqual(["true", "true", "true", "true"]);
  expect(await rig.talos("cp-1").kubeconfig()).toContain("kind: Config");
  expect(rig.world.violations()).toEqual([]);
});

test("etcd: to bootstrap a second time, elsewhere, is a violation", async () => {
  const rig = startWorld({ machines: [...cps("cp-1"), ...cps("cp-2").map((one) => ({ ...one, blank: true }))], etcd: true });
  await rig.arm("cp-2", { wipe: false });
  rig.world.etcd.alarms.push({ member: "1", alarm: "no-space" });
  expect(await rig.talos("cp-1").etcd.alarms()).toEqual([{ member: "1", alarm: "no-space" }]);
  await rig.on("cp-2");
  // Before it has joined: then there is etcd data on it.
  await rig.until(async () => (await rig.talos("cp-2").presence()).is === "ours");
  expect((await rig.talos("cp-2").bootstrap(rig.permit("cp-2", "bootstrap"))).did).toBe("sent");
  expect(rig.world.violations()).toEqual(["etcd was bootstrapped on cp-2 while it lived on cp-1"]);
});

test("a snapshot is kept whole or not at all, and etcd begins again from it", async () => {
  const rig = startWorld({ machines: cps("cp-1", "cp-2", "cp-3"), etcd: true });
  const { snapshots } = rig.world;
  const { faults } = rig.box("cp-1").system;
  faults.snapshotBreaks = true;
  await expect(snapshots.store("a.db", rig.talos("cp-1").etcd.snapshot())).rejects.toMatchObject({ effect: "none" });
  faults.snapshotBreaks = false;
  expect(await snapshots.list()).toEqual([]);
  const kept = await snapshots.store("a.db", rig.talos("cp-1").etcd.snapshot());
  expect(await snapshots.store("a.db", rig.talos("cp-1").etcd.snapshot())).toEqual(kept);
  snapshots.keep = 1;
  await rig.sleep(1);
  await snapshots.store("b.db", rig.talos("cp-2").etcd.snapshot());
  expect(await snapshots.prune()).toEqual(["a.db"]);

  for (const name of ["cp-1", "cp-2", "cp-3"]) {
    rig.world.etcd.members = [];
    rig.box(name).system.uploaded = undefined;
  }
  const recover = () => rig.talos("cp-3").bootstrap(rig.permit("cp-3", "bootstrap"), { recover: true });
  await expect(recover()).rejects.toThrow("no snapshot to recover from");
  await rig.talos("cp-3").etcd.upload(snapshots.read("b.db"));
  expect((await recover()).did).toBe("sent");
  await rig.sleep(30);
  expect(await rig.talos("cp-3").etcd.members()).toHaveLength(3);
  expect(rig.world.violations()).toEqual([]);
});

test("the parts of Kubernetes follow the configuration that a machine was given", async () => {
  const rig = startWorld({ machines: [...cps("cp-1"), "gpu-1"] });
  const { configs, ports } = rig.world;
  const talos = rig.talos("cp-1");
  expect((await ports.cluster.components("gpu-1")).map(({ component }) => component)).toEqual(["kube-proxy", "kubelet"]);
  const next = configs.withKubernetes(await talos.configuration(), "kube-apiserver", "v1.37.0") ?? "";
  expect(configs.withKubernetes(next, "kube-apiserver", "v1.37.0")).toBeUndefined();
  expect((await talos.diffConfiguration(next, "no-reboot")).details).toBe("- kube-apiserver: v1.36.3\n+ kube-apiserver: v1.37.0");
  await talos.applyConfiguration(rig.permit("cp-1", "apply-config"), next, { mode: "no-reboot" });
  expect((await ports.cluster.components("cp-1"))[0]).toEqual({ component: "kube-apiserver", version: "v1.37.0", ready: false });
  await rig.sleep(6);
  expect((await ports.cluster.components("cp-1"))[0]).toMatchObject({ ready: true });
  expect(await ports.cluster.version()).toBe("v1.37.0");
  expect(await configs.diff("cp-1", next)).toEqual(["- kube-apiserver: v1.37.0", "+ kube-apiserver: v1.36.3"]);
});

test("a configuration that is tried goes back by itself, one that is staged waits for the next start", async () => {
  const rig = startWorld({ machines: ["gpu-1"] });
  const talos = rig.talos("gpu-1");
  const before = await talos.configuration();
  const apply = (mode: "try" | "staged", text: string) =>
    talos.applyConfiguration(rig.permit("gpu-1", "apply-config"), text, { mode, tryMs: 5000 });
  await apply("try", `${before}tried: yes\n`);
  expect(await talos.configuration()).toContain("tried");
  await rig.sleep(6);
  expect(await talos.configuration()).toBe(before);
  await apply("staged", `${before}staged: yes\n`);
  expect(await talos.configuration()).toBe(before);
  await talos.reboot(rig.permit("gpu-1", "os-reboot"), "default");
  await rig.sleep(60);
  expect(await talos.configuration()).toContain("staged");
});

test("labels and taints are settled once, and exactly the request that was seen is approved", async () => {
  const rig = startWorld({ machines: ["gpu-1"] });
  const { cluster } = rig.world.ports;
  const settings = { labels: { gpu: "a100" }, taints: { dedicated: "gpu:NoSchedule" } };
  expect(await cluster.settle("gpu-1", settings)).toEqual(["label gpu=a100", "taint dedicated=gpu:NoSchedule"]);
  expect(await cluster.settle("gpu-1", settings)).toEqual([]);
  expect(await cluster.node("gpu-1")).toMatchObject({ labels: { gpu: "a100" }, taints: ["dedicated=gpu:NoSchedule"] });
  const request = rig.world.askServing("gpu-1");
  const approve = (one = request) => cluster.approveServing(one, rig.permit("gpu-1", "approve-serving"));
  expect(await cluster.servingRequests()).toEqual([request]);
  expect(await approve({ ...request, resourceVersion: "2" })).toBe("gone");
  expect(await approve()).toBe("approved");
  expect(await approve()).toBe("gone");
  expect(rig.box("gpu-1").did).toMatchObject({ settle: 1, approve: 1 });
});

test("a world alone runs nothing, and says so", async () => {
  const { world } = startWorld({ machines: ["gpu-1"] });
  await expect(world.ports.errands.ended("run-1", "upgrade gpu-1", {} as never)).rejects.toThrow("no worker");
});
