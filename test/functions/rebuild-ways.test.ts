import { expect, test } from "vitest";
import { cluster, endOf, inService, leftDisarmed, rebuilt, story } from "./clusters.ts";

const iso = "http://10.0.10.2:7481/assets/metal-amd64.iso";

test("network first in the firmware's own order: nothing is set, and the script does the rest", async () => {
  const rig = await cluster();
  rig.world.netboot.ways.set("gpu-02", { by: "first" });
  const { run, status } = await rebuilt(rig);
  expect(status).toBe("ok");
  expect(rig.box.writes.map(({ verb }) => verb)).toEqual(["force-off", "power-on"]);
  expect(await story(rig, run)).not.toContain("+ boot-override");
  await inService(rig);
});

test("UEFI HTTP boot: the override names where to boot from", async () => {
  const rig = await cluster();
  rig.world.netboot.ways.set("gpu-02", { by: "http", uri: "http://10.0.10.2:7481/efi/snponly.efi" });
  expect((await rebuilt(rig)).status).toBe("ok");
  expect(rig.box.did).toMatchObject({ on: 1, off: 1, wipe: 1, install: 1 });
  await inService(rig);
});

test("virtual media: the machine wipes itself, starts the image, is looked at once more and is given its configuration", async () => {
  const rig = await cluster();
  rig.world.netboot.ways.set("gpu-02", { by: "media", uri: iso });
  const { run, status } = await rebuilt(rig);
  expect(status).toBe("ok");
  expect(rig.box.did).toMatchObject({ reset: 1, off: 1, on: 1, apply: 1, wipe: 1, install: 1 });
  const steps = await story(rig, run);
  expect(steps).not.toContain("+ arm");
  expect(steps.slice(steps.indexOf("wipe its system disk: os-reset"), steps.indexOf("it answers as ours"))).toEqual([
    "wipe its system disk: os-reset",
    "+ boot-override",
    "send it to the image: boot-once",
    "power on: power-on",
    "it waits in maintenance",
    "read its disks in maintenance",
    "hand it its configuration: configure",
  ]);
  await inService(rig);
});

test("virtual media: a machine that does not answer cannot be wiped so, and an installed system stops the image", async () => {
  const rig = await cluster();
  rig.world.netboot.ways.set("gpu-02", { by: "media", uri: iso });
  rig.box.hang();
  await rig.clock.sleep(60_000);
  const { status, reason } = await rebuilt(rig);
  expect(status).toBe("failed");
  expect(reason).toContain("The image stops where a Talos is installed already");
  expect(rig.box.did).toMatchObject({ wipe: 0, install: 0, apply: 0 });
  await leftDisarmed(rig, "does not wait for a configuration");
});

test("virtual media: a configuration that the machine refuses is not handed over again and again", async () => {
  const rig = await cluster();
  rig.world.netboot.ways.set("gpu-02", { by: "media", uri: iso });
  rig.box.system.faults.refusesConfig = "unknown keys";
  const run = await rig.say("rebuild-requested", { machine: "gpu-02" });
  await rig.answer(run, true);
  const { status, reason } = await endOf(rig, run);
  expect([status, reason]).toEqual(["refused", expect.stringContaining("unknown keys")]);
  expect(rig.box.did.apply).toBe(0);
  await leftDisarmed(rig, "unknown keys");
});
