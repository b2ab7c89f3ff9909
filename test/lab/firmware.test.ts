import { expect, onTestFinished, test } from "vitest";
import { parseConfig } from "#config/load.ts";
import { createPowers } from "#config/powers.ts";
import { systemClock } from "#events";
import { createSite, schematic } from "./boot-site.ts";
import { closet } from "./rack.ts";

const poll = { timeout: 40_000, interval: 50 };

/** The closet, all off and blank, with our own client of its BMCs. */
async function blankCloset() {
  const site = await createSite(closet.map((machine) => ({ ...machine, bootMs: 4000, state: "blank" })));
  const { rack } = site;
  const text = rack.yaml({ store: "embedded", listen: "127.0.0.1:0" });
  const { machines } = parseConfig(text, { file: "lightsout.yaml", folder: "/", env: rack.env });
  const pins = new Map<string, string>();
  const powers = createPowers({
    machines,
    clock: systemClock,
    pins: { get: async (machine) => pins.get(machine), set: async (machine, pin) => void pins.set(machine, pin) },
  });
  onTestFinished(() => powers.close());
  return { ...site, power: (machine: string) => powers.of(machine), withBmc: machines.filter(({ bmc }) => bmc).map(({ name }) => name) };
}

test("a boot override of any BMC reaches the firmware, once: the network at one start, the disk at the next", async () => {
  const { rack, permit, power, withBmc } = await blankCloset();
  expect(withBmc).toHaveLength(6);
  await Promise.all(
    withBmc.map(async (name) => {
      const host = rack.host(name);
      const { os } = rack.talos(name);
      os.slots.a = { version: "v1.13.9", schematic };
      await power(name).bootOnce(permit(name, "boot-once"), "pxe");
      await power(name).on(permit(name, "power-on"));
      await expect.poll(() => os.boots.length, poll).toBe(1);
      expect(os.console).toContain(`Lightsout: ${name} is not armed, booting its disk`);
      expect(host.boot.target).toBe("none");
      host.press("reset", "finger");
      await expect.poll(() => os.boots.length, poll).toBe(2);
      expect(os.console.filter((line) => line.startsWith("Lightsout"))).toEqual([]);
    }),
  );
});

test("firmware that boots over HTTP runs iPXE's program from our server, and iPXE the script beside it", async () => {
  const { rack, arm, permit, power, url } = await blankCloset();
  const { os } = rack.talos("cp-01");
  rack.bootFrom(undefined);
  await arm("cp-01");
  await power("cp-01").bootOnce(permit("cp-01", "boot-once"), "http", `${url}/efi/snponly.efi`);
  await power("cp-01").on(permit("cp-01", "power-on"));
  await expect.poll(() => os.storage.writes, poll).toEqual(["install v1.13.9 on nvme0n1"]);
});

test("an image in the virtual drive waits in maintenance for its configuration, and stops where something is installed", async () => {
  const { assets, rack, permit, power, talos, url } = await blankCloset();
  const { os } = rack.talos("cp-01");
  const image = `${schematic}/v1.13.9/metal-amd64.iso`;
  await assets.ensure(image);
  await power("cp-01").bootOnce(permit("cp-01", "boot-once"), "cd", `${url}/assets/${image}`);
  await power("cp-01").on(permit("cp-01", "power-on"));
  await expect.poll(async () => (await talos("cp-01").presence()).is, poll).toBe("maintenance");
  expect(await talos("cp-01").maintenance.version()).toMatchObject({ tag: "v1.13.9" });

  rack.host("cp-01").press("force-off", "finger");
  await expect.poll(() => rack.host("cp-01").power(), poll).toBe("off");
  os.slots.a = { version: "v1.13.9", schematic };
  rack.host("cp-01").boot = { target: "cd", once: true, mode: "UEFI" };
  rack.host("cp-01").press("on", "finger");
  await expect.poll(() => os.console.at(-1), poll).toContain("Talos is already installed to disk");
  expect((await talos("cp-01").presence()).is).toBe("silent");
});

test("a machine that waits in its setup starts nothing", async () => {
  const { rack } = await blankCloset();
  const { os } = rack.talos("cp-01");
  os.slots.a = { version: "v1.13.9", schematic };
  rack.host("cp-01").boot = { target: "bios", once: true, mode: "UEFI" };
  rack.host("cp-01").press("on", "finger");
  await expect.poll(() => os.console.at(-1), poll).toBe("It waits in its setup");
  expect(rack.host("cp-01").osUp()).toBe(false);
});
