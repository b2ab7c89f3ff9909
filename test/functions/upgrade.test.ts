import { expect, test } from "vitest";
import upgrade from "#functions/upgrade.ts";
import { lastOf, type Rig, startRig } from "./rig.ts";

const to = "v1.14.0";
const trio = ["cp-01", "cp-02", "cp-03"].map((name) => ({ name, role: "control-plane" as const }));
const start = (machines: Parameters<typeof startRig>[0]["machines"] = ["gpu-01", { name: "gpu-02", gpus: 2 }, ...trio]) =>
  startRig({ machines, etcd: true, functions: [upgrade] });
const ask = (rig: Rig, machine: string, more: object = {}) => rig.say("upgrade-requested", { machine, version: to, ...more });
const runs = (rig: Rig, machine: string) => rig.world.machine(machine).system.running?.version;
const serves = (rig: Rig, machine: string) => !rig.world.machine(machine).node.unschedulable && rig.world.machine(machine).isReady();

test("a worker is drained, upgraded with its own schematic, restarted by kexec and serves again", async () => {
  const rig = await start();
  const box = rig.world.machine("gpu-02");
  box.pods = [{ name: "train-0", owner: "StatefulSet/train" }];
  const schematic = box.system.running?.schematic;
  const run = await ask(rig, "gpu-02");
  expect(await rig.ended(run)).toBe("ok");
  expect(box.system.running).toEqual({ version: to, schematic });
  expect(box.did).toMatchObject({ upgrade: 1, reboot: 1, drain: 1, cordon: 1, uncordon: 1, off: 0, on: 0, wipe: 0 });
  expect(serves(rig, "gpu-02")).toBe(true);
  expect(rig.world.violations()).toEqual([]);
});

test("without a version the declared one is meant, and what runs it already is left alone", async () => {
  const rig = await start();
  rig.world.configs.declare("gpu-01", { version: to });
  expect(await rig.ended(await rig.say("upgrade-requested", { machine: "gpu-01" }))).toBe("ok");
  expect(runs(rig, "gpu-01")).toBe(to);
  expect(await rig.ended(await rig.say("upgrade-requested", { machine: "gpu-01" }))).toBe("ok");
  expect(rig.world.machine("gpu-01").did).toMatchObject({ upgrade: 1, reboot: 1, cordon: 1 });
});

test("a version that only starts by kexec is found out by a cold restart", async () => {
  const rig = await start();
  const { badVersions } = rig.world.machine("gpu-01").system.faults;
  badVersions.set(to, "needs-kexec");
  const run = await ask(rig, "gpu-01", { cold: true });
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("not upgraded (lost)");
  expect(await lastOf(rig, run)).toContain("lightsout rebuild gpu-01");
  expect(rig.world.machine("gpu-01").did).toMatchObject({ upgrade: 1, reboot: 1, off: 0, on: 0 });
});

test("a version that does not come up is gone back from, told, and not tried again until a person says so", async () => {
  const rig = await start();
  const box = rig.world.machine("gpu-01");
  box.system.faults.badVersions.set(to, "crashes");
  const run = await ask(rig, "gpu-01");
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("gpu-01 rolled back: v1.14.0 did not come up, it runs v1.13.9");
  expect(runs(rig, "gpu-01")).toBe("v1.13.9");
  expect(serves(rig, "gpu-01")).toBe(true);
  const again = await ask(rig, "gpu-01");
  expect(await rig.ended(again)).toBe("refused");
  expect(await lastOf(rig, again)).toContain("did not come up with it");
  expect(box.did.upgrade).toBe(1);
  box.system.faults.badVersions.clear();
  expect(await rig.ended(await ask(rig, "gpu-01", { confirm: "gpu-01" }))).toBe("ok");
  expect(runs(rig, "gpu-01")).toBe(to);
});

test("a restart that is refused because another sequence runs leaves it armed, and says so", async () => {
  const rig = await start();
  rig.world.machine("gpu-01").system.faults.sequences = { end: "refused", seen: "reboot: locked" };
  const run = await ask(rig, "gpu-01");
  expect(await rig.ended(run)).toBe("parked");
  expect((await rig.lines(run)).join("\n")).toContain("locked");
  expect(runs(rig, "gpu-01")).toBe("v1.13.9");
});

test("an installer that fails leaves the machine as it was", async () => {
  const rig = await start();
  rig.world.machine("gpu-01").system.faults.installerExit = 1;
  const run = await ask(rig, "gpu-01");
  expect(["failed", "parked"]).toContain(await rig.ended(run));
  expect(rig.world.machine("gpu-01").did.reboot).toBe(0);
  expect(runs(rig, "gpu-01")).toBe("v1.13.9");
});

test("control planes: leadership is handed on, etcd keeps its majority, and only one goes at a time", async () => {
  const rig = await start();
  const asked = await Promise.all(trio.map(({ name }) => ask(rig, name)));
  for (const run of asked) expect(await rig.ended(run)).toBe("ok");
  expect(trio.map(({ name }) => runs(rig, name))).toEqual([to, to, to]);
  expect(rig.world.violations()).toEqual([]);
  expect((await rig.lines(asked[0] ?? "")).join("\n")).toMatch(/hand on the leadership of etcd/);
});

test.each([
  ["a minor version is passed over", { talos: "v1.12.11" }, undefined, "minor versions would be passed over"],
  ["the target is older", { talos: "v1.14.0" }, "v1.13.9", "older than"],
  ["its GPUs would be gone", { gpus: 2 }, undefined, "no NVIDIA extension"],
])("refused before anything is done: %s", async (_, machine, version, why) => {
  const rig = await start([{ name: "gpu-01", ...machine }, ...trio]);
  if ("gpus" in machine) rig.world.configs.declare("gpu-01", { extensions: ["siderolabs/iscsi-tools"] });
  const run = await ask(rig, "gpu-01", version === undefined ? {} : { version });
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain(why);
  expect(rig.world.machine("gpu-01").did).toMatchObject({ cordon: 0, upgrade: 0, reboot: 0 });
});

test("storage that is not healthy, or does not tell, keeps everything as it is", async () => {
  const rig = await start();
  rig.world.storage.healthy = false;
  const run = await ask(rig, "gpu-01");
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("storage is not healthy");
  expect(rig.world.machine("gpu-01").did.cordon).toBe(0);
});

test("below 1.13 the machine restarts by itself, and is asked only once", async () => {
  const rig = await start([{ name: "gpu-01", talos: "v1.11.6" }, ...trio]);
  const { system } = rig.world.machine("gpu-01");
  system.configuration = system.configuration?.replace(/v1\.36\.\d+/g, "v1.34.1");
  expect(await rig.ended(await ask(rig, "gpu-01", { version: "v1.12.11" }))).toBe("ok");
  expect(rig.world.machine("gpu-01").did).toMatchObject({ upgrade: 1, reboot: 0 });
  expect(runs(rig, "gpu-01")).toBe("v1.12.11");
});
