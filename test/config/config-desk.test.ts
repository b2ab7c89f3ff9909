import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createInventory } from "#adapters/inventory/mod.ts";
import { createMachineConfigs } from "#adapters/machineconfig/mod.ts";
import { createArms } from "#adapters/netboot/mod.ts";
import type { Talos, TalosMachines } from "#adapters/os/port.ts";
import type { Snapshots } from "#adapters/snapshots/port.ts";
import { createConfigDesk } from "#config/config-desk.ts";
import { declarationsOf } from "#config/declarations.ts";
import { machinesOf } from "#config/machines.ts";
import { createMemoryStore, systemClock } from "#events";
import { profile } from "#test/adapters/netboot/rig.ts";
import { declaredSite, secrets } from "./declared.ts";

/** A desk over a site. `running` is what its machines answer when they are asked for their configuration. */
async function desk(options: { more?: Record<string, unknown>; running?: (rendered: string) => string } = {}) {
  const { running = (rendered) => rendered } = options;
  const { config, folder } = await declaredSite(options.more);
  const configs = createMachineConfigs(declarationsOf(config));
  const arms = createArms({ kv: createMemoryStore({ clock: systemClock }).kv, clock: systemClock });
  const talos = {
    of: (machine: string) => ({ configuration: async () => running((await configs.render(machine)).text) }) as unknown as Talos,
  } as TalosMachines;
  const snapshots = {
    list: async () => [{ name: "a.db", bytes: 1, sha256: "00", at: Date.parse("2026-01-01T00:00:00Z"), where: "/a.db" }],
  } as unknown as Snapshots;
  const inventory = createInventory({ site: "test", machines: machinesOf(config) });
  return { ...createConfigDesk({ config, ports: { inventory, talos, configs, snapshots }, arms }), arms, config, folder };
}

describe("a machine's configuration, as people see it", () => {
  it.each(["cp-01", "gpu-01"])("of %s has everything but its secrets", async (machine) => {
    const { configs, config } = await desk();
    const shown = await configs.show(machine);
    const base = readFileSync(config.machines.find(({ name }) => name === machine)?.talos?.base ?? "", "utf8");
    expect(secrets.filter((secret) => base.includes(secret)).length).toBeGreaterThan(3);
    expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
    expect(shown).toContain("token: (hidden)");
    expect(shown).toContain("hostname: ");
  });

  it("is checked for one machine, or for all of which something is declared", async () => {
    const { configs } = await desk();
    expect(await configs.problems()).toEqual([
      { machine: "cp-01", problems: [] },
      { machine: "gpu-01", problems: [] },
    ]);
    expect(await configs.problems("desk-01")).toMatchObject([{ machine: "desk-01", problems: [{ code: "not-declared" }] }]);
    await expect(configs.problems("nobody")).rejects.toMatchObject({ code: "LO_UNKNOWN_MACHINE" });
  });

  it("is compared with what runs, and shows no secret that differs", async () => {
    const { configs } = await desk({
      running: (text) => text.replace("abcdef.0123456789abcdef", "fedcba.0123456789abcdef").replace("eui.1", "eui.2"),
    });
    expect(await configs.diff("gpu-01")).toEqual([
      "machine.token: declared (hidden), running (hidden)",
      'machine.install.diskSelector.wwid: declared "eui.1", running "eui.2"',
    ]);
    await expect(configs.diff("nobody")).rejects.toMatchObject({ code: "LO_UNKNOWN_MACHINE" });
  });
});

describe("arms, as people see them", () => {
  it("are listed without their tokens, and taken back by anybody's word", async () => {
    const { arms, netboot } = await desk();
    const token = await arms.arm("gpu-01", { run: "run-1", profile, within: "1h" });
    const listed = await netboot.arms();
    expect(listed).toMatchObject([{ machine: "gpu-01", run: "run-1", state: "armed", boots: profile.kernel }]);
    expect(JSON.stringify(listed)).not.toContain(token);
    expect(await netboot.disarm("gpu-01", "me: wrong disk")).toMatchObject({
      state: "disarmed",
      evidence: [{}, { detail: "me: wrong disk" }],
    });
    expect(await netboot.disarm("cp-01", "me: sure")).toBeUndefined();
    await expect(netboot.disarm("nobody", "me")).rejects.toMatchObject({ code: "LO_UNKNOWN_MACHINE" });
  });
});

describe("the dnsmasq configuration", () => {
  const netboot = { listen: "0.0.0.0:7481", url: "http://10.0.10.2:7481", dnsmasq: { interface: "eth0", subnet: "10.0.10.0" } };

  it("has the machines of the inventory, and names those that it has to leave out", async () => {
    const text = (await desk({ more: { netboot } })).netboot.dnsmasq();
    expect(text).toContain("dhcp-host=3c:ec:ef:00:00:02,set:inventory");
    expect(text).toContain("http://10.0.10.2:7481/boot.ipxe");
    expect(text).toMatch(/# desk-01 is left out: it has no macs in the inventory\.\n$/);
  });

  it("is not made where nothing is said of it", async () => {
    const { netboot: none } = await desk();
    expect(() => none.dnsmasq()).toThrow("Nothing says how dnsmasq is to be configured");
  });
});

it("snapshots are listed with the date they were taken", async () => {
  expect(await (await desk()).snapshots()).toEqual([
    { name: "a.db", bytes: 1, sha256: "00", at: "2026-01-01T00:00:00.000Z", where: "/a.db" },
  ]);
});
