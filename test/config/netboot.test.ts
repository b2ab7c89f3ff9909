import { readFileSync, writeFileSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { createListeners } from "#adapters/http/mod.ts";
import { createInventory } from "#adapters/inventory/mod.ts";
import { createMachineConfigs } from "#adapters/machineconfig/mod.ts";
import { declarationsOf } from "#config/declarations.ts";
import { machinesOf } from "#config/machines.ts";
import { openNetboot } from "#config/netboot.ts";
import { createMemoryStore, systemClock } from "#events";
import { declaredSite, schematic, secrets } from "./declared.ts";

async function booting(more: Record<string, unknown> = {}) {
  const { config } = await declaredSite(more);
  const notes: string[] = [];
  const netboot = openNetboot(config, {
    store: createMemoryStore({ clock: systemClock }),
    clock: systemClock,
    inventory: createInventory({ site: "test", machines: machinesOf(config) }),
    configs: createMachineConfigs(declarationsOf(config)),
    listeners: createListeners(),
    log: { note: (level, message) => notes.push(`${level} ${message}`) },
  });
  return { ...netboot, config, notes };
}

/** Lets the boot server listen until the test ends. */
async function listening(more: Record<string, unknown> = {}) {
  const netboot = await booting(more);
  const served = await netboot.listen();
  if (!served) throw new Error("a boot server is configured");
  onTestFinished(() => served.close());
  const get = async (path: string) => (await fetch(`${served.url}${path}`)).text();
  const script = (mac: string) => get(`/ipxe?uuid=&mac=${mac}&serial=`);
  return { ...netboot, url: served.url, get, script };
}

it("a prepared and armed machine loads its own kernel, and its configuration once", async () => {
  const { get, notes, port, script, url } = await listening();
  const profile = await port.prepare("gpu-01", { wipe: false });
  expect(await script("3c-ec-ef-00-00-02")).toContain("gpu-01 is not armed, booting its disk");
  await port.arms.arm("gpu-01", { run: "run-1", profile, within: "1h" });
  const booted = await script("3c-ec-ef-00-00-02");
  expect(booted).toContain("talos.platform=metal");
  const path = /talos\.config=(\S+)/.exec(booted)?.[1]?.slice(url.length) ?? "";
  const given = await get(path);
  expect(given).toContain(`factory.talos.dev/metal-installer/${schematic}:v1.13.9`);
  expect(given).toContain("hostname: talos-gpu-01");
  expect(given).toContain("wwid: eui.1");
  expect(given).toContain('vm.max_map_count: "262144"');
  expect(await port.arms.of("gpu-01")).toMatchObject({ state: "taken", run: "run-1" });
  expect(notes).toEqual([
    "info netboot: gpu-01 (127.0.0.1) boots from the network to install",
    expect.stringMatching(/^info netboot: gpu-01 \(127\.0\.0\.1\) was given its configuration, \d+ bytes$/),
  ]);
  for (const secret of secrets) expect(notes.join("\n")).not.toContain(secret);
});

it("a configuration that cannot be made is asked for again, and the log quotes nothing of it", async () => {
  const { arms, get, notes, port, script, url, config } = await listening();
  const profile = await port.prepare("gpu-01", { wipe: false });
  await port.arms.arm("gpu-01", { run: "run-1", profile, within: "1h" });
  const base = config.machines.find(({ name }) => name === "gpu-01")?.talos?.base ?? "";
  const path = /talos\.config=(\S+)/.exec(await script("3c-ec-ef-00-00-02"))?.[1]?.slice(url.length) ?? "";
  const whole = readFileSync(base, "utf8");
  writeFileSync(base, `${whole}\n: [`);
  expect(await get(path)).toBe("Try again\n");
  expect(await arms?.of("gpu-01")).toMatchObject({ state: "armed" });
  expect(notes.join("\n")).toContain("worker.yaml cannot be read");
  for (const secret of secrets) expect(notes.join("\n")).not.toContain(secret);
  writeFileSync(base, whole);
  expect(await get(path)).toContain("hostname: talos-gpu-01");
});

it("a machine leaves iPXE for its disk as it is declared", async () => {
  const machine = { name: "gpu-01", macs: ["3c:ec:ef:00:00:02"], talos: { diskBoot: "sanboot" } };
  const { script } = await listening({ pools: {}, machines: [machine] });
  expect(await script("3c-ec-ef-00-00-02")).toContain("sanboot --no-describe");
});

it.each([
  ["pxe", { by: "pxe" }],
  ["first", { by: "first" }],
  ["http", { by: "http", uri: "http://10.0.10.2:7481/efi/snponly-arm64.efi" }],
  ["media", { by: "media", uri: `http://10.0.10.2:7481/assets/${schematic}/v1.13.9/metal-arm64.iso` }],
])("a machine declared %s is led to the network so", async (netboot, way) => {
  const { port } = await booting({
    netboot: { listen: "127.0.0.1:0", url: "http://10.0.10.2:7481" },
    pools: {},
    machines: [{ name: "gpu-01", talos: { schematic, netboot, arch: "arm64" } }],
  });
  expect(port.way("gpu-01")).toEqual(way);
});

it("where no boot server is configured nothing is armed, and that is said", async () => {
  const { arms, listen, port } = await booting({ netboot: undefined });
  expect([arms, await listen(), await port.arms.of("gpu-01")]).toEqual([undefined, undefined, undefined]);
  await expect(port.prepare("gpu-01", { wipe: true })).rejects.toMatchObject({
    code: "LO_NOT_CONFIGURED",
    message: "gpu-01 cannot boot from the network: no boot server is configured",
    hint: "Give netboot in lightsout.yaml",
  });
  expect(() => port.way("gpu-01")).toThrow("no boot server is configured");
});
