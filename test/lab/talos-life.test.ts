import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { checkMachineConfig } from "#adapters/machineconfig/mod.ts";
import { configFor, createSite, schematic } from "./boot-site.ts";
import type { RackMachine } from "./rack.ts";
import { readLabConfig } from "./talos-config.ts";
import { selectDisk, systemDisk } from "./talos-storage.ts";

const poll = { timeout: 30_000, interval: 20 };
const blank = (more: Partial<RackMachine> = {}): RackMachine => ({
  name: "w1",
  bmc: "none",
  model: "Box1",
  bootMs: 4000,
  state: "blank",
  ...more,
});

type Site = Awaited<ReturnType<typeof createSite>>;

async function booted(machine: RackMachine, config: (site: () => Site) => string) {
  const site: Site = await createSite([machine], { config: () => config(() => site) });
  await site.arm("w1");
  site.rack.host("w1").press("on", "finger");
  return { site, os: site.rack.talos("w1").os, host: site.rack.host("w1") };
}

describe("a Talos from the network", () => {
  test("asks for its configuration until it is had", async () => {
    let asked = 0;
    const { os } = await booted(blank(), (site) => {
      asked += 1;
      if (asked === 1) throw new Error("not now");
      return asked === 2 ? "{" : configFor(site().rack, "w1");
    });
    await expect.poll(() => os.stage(), poll).toBe("running");
    expect(os.storage.writes).toEqual(["install v1.13.9 on nvme0n1"]);
    expect(asked).toBe(3);
  });

  test("waits in maintenance when it is given a part of one, and takes the whole there", async () => {
    const part = "apiVersion: v1alpha1\nkind: EventSinkConfig\nendpoint: 10.0.0.1:4000\n";
    const { os, site } = await booted(blank(), () => part);
    await expect.poll(() => os.stage(), poll).toBe("maintenance");
    const talos = site.talos("w1");
    expect((await talos.presence()).is).toBe("maintenance");
    await talos.maintenance.applyConfiguration(site.permit("w1", "configure"), configFor(site.rack, "w1"));
    await expect.poll(() => os.stage(), poll).toBe("running");
    expect((await talos.disks()).map(({ system }) => system)).toEqual([true]);
    expect((await talos.presence()).is).toBe("ours");
  });

  test("that loses its power while it installs leaves nothing that starts", async () => {
    const { os, host } = await booted(blank(), (site) => configFor(site().rack, "w1"));
    await expect.poll(() => os.console.at(-1), poll).toContain("installing Talos v1.13.9 to disk /dev/nvme0n1");
    host.press("force-off", "finger");
    await expect.poll(() => host.power(), poll).toBe("off");
    host.press("on", "finger");
    await expect.poll(() => os.console.at(-1), poll).toBe("No bootable device");
    expect(os.storage.writes).toEqual([]);
    expect(os.storage.config).toBeUndefined();
  });

  test("installs what its configuration names, whatever was booted", async () => {
    const other = "d".repeat(64);
    const { os, site } = await booted(blank({ gpus: 2, nvidia: [other] }), (site) =>
      configFor(site().rack, "w1").replace(schematic, other).replace(":v1.13.9\n", ":v1.13.10\n"),
    );
    await expect.poll(() => os.stage(), poll).toBe("running");
    expect(os.running()).toEqual({ version: "v1.13.10", schematic: other });
    await expect.poll(() => site.rack.kube.node("w1").status.allocatable["nvidia.com/gpu"], poll).toBe("2");
  });
});

describe("a Node", () => {
  const patch = stringify({
    machine: {
      nodeLabels: { "example.com/zone": "a", "node-role.kubernetes.io/gpu": "", "node.kubernetes.io/size": "xl" },
      nodeTaints: { "example.com/only": "gpu:NoSchedule" },
    },
  });

  test("has the labels that its kubelet may set, and the taints that it registers with", async () => {
    const { site } = await booted(blank(), (site) => configFor(site().rack, "w1", { patches: [patch] }));
    await expect.poll(() => site.rack.kube.object("nodes", "w1"), poll).toBeDefined();
    const { metadata, spec } = site.rack.kube.node("w1");
    expect(metadata.labels).toEqual({
      "kubernetes.io/hostname": "w1",
      "kubernetes.io/os": "linux",
      "example.com/zone": "a",
      "node.kubernetes.io/size": "xl",
    });
    expect(spec.taints).toContainEqual({ key: "example.com/only", value: "gpu", effect: "NoSchedule" });
  });

  test("of a control plane has all of them", async () => {
    const rack = { name: "w1", bmc: "none", model: "Box1", bootMs: 4000, role: "control-plane" } as const;
    const site = await createSite([rack]);
    await site
      .talos("w1")
      .applyConfiguration(site.permit("w1", "apply-config"), configFor(site.rack, "w1", { role: "control-plane", patches: [patch] }), {
        mode: "auto",
      });
    await expect.poll(() => site.rack.kube.node("w1").metadata.labels, poll).toMatchObject({ "node-role.kubernetes.io/gpu": "" });
  });
});

test("a staged configuration takes effect at the next start", async () => {
  const site = await createSite([blank({ state: "installed" })]);
  const { os } = site.rack.talos("w1");
  const next = configFor(site.rack, "w1", { labels: { "example.com/zone": "b" } });
  await site.talos("w1").applyConfiguration(site.permit("w1", "apply-config"), next, { mode: "staged" });
  expect(await site.talos("w1").configuration()).not.toContain("example.com/zone");
  const { length } = os.boots;
  await site.talos("w1").reboot(site.permit("w1", "os-reboot"), "default");
  await expect.poll(() => os.boots.length, poll).toBe(length + 1);
  await expect.poll(() => os.stage(), poll).toBe("running");
  expect(await site.talos("w1").configuration()).toContain("example.com/zone");
});

describe("an install section selects a disk", () => {
  const disks = [systemDisk({ serial: "A1", wwid: "eui.1" }), { ...systemDisk({ serial: "A2", wwid: "eui.2" }), id: "nvme1n1" }];
  const selected = (machine: object, ...documents: object[]) => {
    const found = selectDisk(disks, readLabConfig([{ machine }, ...documents].map((one) => stringify(one)).join("---\n"))?.install);
    return typeof found === "string" ? found : found.id;
  };
  const unattended = (match: string) => ({
    apiVersion: "v1alpha1",
    kind: "UnattendedInstallConfig",
    provisioning: { diskSelector: { match } },
  });

  test.each([
    ["by path", { disk: "/dev/nvme1n1" }, "nvme1n1"],
    ["by serial, before any path", { disk: "/dev/nvme0n1", diskSelector: { serial: "A2" } }, "nvme1n1"],
    ["by a pattern", { diskSelector: { wwid: "eui.?", model: "LAB*" } }, "nvme0n1"],
    ["by none that is there", { disk: "/dev/sdx" }, "the disk /dev/sdx does not exist"],
    ["by nothing", {}, "no install disk or disk selector is configured"],
    ["by what the lab does not know", { diskSelector: { size: ">= 1TB" } }, "the lab knows no disk selector size"],
  ])("%s", (_, install, found) => expect(selected({ install })).toBe(found));

  test.each([
    [`disk.serial == "A2"`, "nvme1n1"],
    [`disk.transport == "nvme" && disk.dev_path == "/dev/nvme1n1"`, "nvme1n1"],
    [`disk.serial == "A9"`, `no disks matched the expression: disk.serial == "A9"`],
    [`disk.size > 1u`, "failed to evaluate disk selector disk.size > 1u"],
  ])("%s", (match, found) => expect(selected({}, unattended(match))).toBe(found));
});

test.each(["worker", "control-plane"] as const)("there is nothing wrong with the configuration of a %s of the rack", async (role) => {
  const { rack } = await createSite([blank()]);
  const expected = { role, hostname: "w1", version: "v1.13.9", schematic, extensions: [] };
  expect(checkMachineConfig(configFor(rack, "w1", { role }), expected)).toEqual([]);
});
