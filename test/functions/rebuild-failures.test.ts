import { expect, test } from "vitest";
import type { FakeMachine } from "#functions/testing/mod.ts";
import { cluster, endOf, inService, leftDisarmed, rebuilt, story } from "./clusters.ts";
import type { Rig } from "./rig.ts";

test.each<[string, (box: FakeMachine, rig: Rig) => unknown, string, Partial<FakeMachine["did"]>]>([
  [
    "firmware that does not boot from the network",
    (_, { world }) => Object.assign(world.netboot, { serves: false }),
    "gpu-02 was sent to the network and has not asked what to boot within 300s. It is left disarmed. Look at its console",
    { wipe: 0, install: 0 },
  ],
  [
    "a BMC that takes the boot override and forgets it",
    (box) => Object.assign(box.bmc, { forgetsOverrides: 9 }),
    "has not asked what to boot",
    { wipe: 0, install: 0 },
  ],
  [
    "a kernel that does not start",
    (box) => Object.assign(box.host, { neverBoots: true }),
    "gpu-02 has its boot script and has not loaded kernel and initramfs",
    { wipe: 0 },
  ],
  [
    "a configuration that is not served",
    (_, { world }) => Object.assign(world.netboot, { servesConfigs: false }),
    "gpu-02 has started its kernel and has not fetched its configuration within 10m. It is left disarmed",
    { wipe: 1, install: 0 },
  ],
  [
    "a configuration that was taken, and an installer that fails",
    (box) => Object.assign(box.system.faults, { installerExit: 1 }),
    "gpu-02 took its configuration and has not answered as ours within 30m. It is left disarmed. Look at its console",
    { wipe: 1, install: 0 },
  ],
  [
    "a GPU that does not come back",
    (box) => Object.assign(box.host, { gpusMissing: 1 }),
    "gpu-02 booted, but is not Ready with 2 GPUs in time",
    { install: 1 },
  ],
])("%s: the machine is left disarmed and alone, and the reason is plain", async (_, prepare, reason, did) => {
  const rig = await cluster();
  prepare(rig.box, rig);
  const { status, reason: why } = await rebuilt(rig);
  expect([status, why]).toEqual(["failed", expect.stringContaining(reason)]);
  expect(rig.box.did).toMatchObject(did);
  await leftDisarmed(rig, reason.slice(0, 40));
});

test("a system that is not the declared one is not taken for it", async () => {
  const rig = await cluster();
  const run = await rig.say("rebuild-requested", { machine: "gpu-02" });
  await rig.answer(run, true);
  await rig.until("it is installed", () => rig.box.did.install === 1);
  rig.world.configs.declare("gpu-02", { version: "v1.13.10" });
  const { status, reason } = await endOf(rig, run);
  expect(status).toBe("failed");
  expect(reason).toContain(
    "gpu-02 is not installed as declared within 30m: v1.13.9, schematic 4c4c45444c4c, running, from /dev/nvme0n1. Look at its console; `lightsout config diff gpu-02`",
  );
  await leftDisarmed(rig, "not installed as declared");
});

test("requests whose answers are lost are never sent twice, and it goes well", async () => {
  const rig = await cluster();
  rig.box.bmc.losesAnswers = true;
  const { status } = await rebuilt(rig);
  expect(status).toBe("ok");
  expect(rig.box.writes.map(({ verb }) => verb)).toEqual(["force-off", "boot-once", "power-on", "boot-once"]);
  expect(rig.box.did).toMatchObject({ off: 1, on: 1, wipe: 1, install: 1 });
  await inService(rig);
});

test("a BMC that reads Off while the machine runs: it is never armed for long, and nothing is wiped", async () => {
  const rig = await cluster();
  rig.box.bmc.reads = { state: "off", raw: "Off" };
  const { run, status, reason } = await rebuilt(rig);
  expect(status).toBe("parked");
  expect(reason).toContain("power-on");
  expect(rig.box.did).toMatchObject({ off: 0, wipe: 0, install: 0 });
  await rig.clock.sleep(4 * 3_600_000);
  expect(await rig.world.netboot.ask("gpu-02")).toBeUndefined();
  expect(await story(rig, run)).toContain("+ arm");
});

test("held up for hours between arming and switching on, it is armed anew and installed once", async () => {
  const rig = await cluster();
  const run = await rig.say("rebuild-requested", { machine: "gpu-02" });
  await rig.answer(run, true);
  await rig.until("it is armed", async () => (await rig.world.netboot.arms.of("gpu-02"))?.state === "armed");
  await rig.say("freeze-requested", { reason: "the cooling failed" });
  await rig.clock.sleep(5 * 3_600_000);
  expect(rig.world.netboot.ask("gpu-02")).toBeUndefined();
  await rig.say("freeze-released", {});
  expect(await endOf(rig, run)).toMatchObject({ status: "ok" });
  expect(rig.box.did).toMatchObject({ on: 1, off: 1, wipe: 1, install: 1 });
  await inService(rig);
});

test("a person takes the arm back in the middle: it ends there", async () => {
  const rig = await cluster();
  const run = await rig.say("rebuild-requested", { machine: "gpu-02" });
  await rig.answer(run, true);
  await rig.until("it is armed", async () => (await rig.world.netboot.arms.of("gpu-02"))?.state === "armed");
  await rig.world.netboot.arms.disarm("gpu-02", { why: "alice said so" });
  const { status, reason } = await endOf(rig, run);
  expect([status, reason]).toEqual(["failed", expect.stringContaining("gpu-02 was disarmed by somebody else before it asks what to boot")]);
  expect(rig.box.did).toMatchObject({ wipe: 0, install: 0 });
  await leftDisarmed(rig, "disarmed by somebody else");
});

test("cancelled while it is armed, it installs nothing: whoever watches the arms takes this one back", async () => {
  const rig = await cluster();
  rig.world.netboot.serves = false;
  const run = await rig.say("rebuild-requested", { machine: "gpu-02" });
  await rig.answer(run, true);
  await rig.until("it waits for the machine", async () => (await story(rig, run)).includes("power on: power-on"));
  await rig.say("run-cancel-requested", { run });
  expect(await rig.ended(run)).toBe("cancelled");
  expect((await rig.office.ledger.of("gpu-02")).left?.obligations.map(({ kind }) => kind)).toEqual(["cordon", "arm", "boot-override"]);
});
