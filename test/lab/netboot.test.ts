import { describe, expect, test } from "vitest";
import { configFor, createSite } from "./boot-site.ts";
import type { RackMachine } from "./rack.ts";

const worker = (more: Partial<RackMachine> = {}): RackMachine => ({ name: "w1", bmc: "none", model: "Box1", bootMs: 4000, ...more });
const poll = { timeout: 30_000, interval: 20 };

describe("a blank machine", () => {
  test("that is armed loads its Talos over HTTP, installs it once on its own disk, and joins", async () => {
    const site = await createSite([worker({ state: "blank" })]);
    const { os } = site.rack.talos("w1");
    await site.arm("w1");
    site.rack.host("w1").press("on", "finger");
    await expect.poll(() => os.stage(), poll).toBe("running");
    expect(os.storage.writes).toEqual(["install v1.13.9 on nvme0n1"]);
    expect(os.boots).toEqual([
      { how: "firmware", version: "v1.13.9" },
      { how: "kexec", version: "v1.13.9" },
    ]);
    expect((await site.arms.of("w1"))?.evidence.map(({ stage }) => stage)).toEqual([
      "armed",
      "script-fetched",
      "kernel-sent",
      "initramfs-sent",
      "config-sent",
    ]);
    expect(await site.talos("w1").version()).toMatchObject({ tag: "v1.13.9" });
    // In a cluster without a network for pods no Node is Ready.
    const ready = () => site.rack.kube.node("w1").status.conditions[0];
    await expect.poll(ready, poll).toMatchObject({ status: "False", reason: "KubeletNotReady" });
    const metadata = { name: "cilium", namespace: "kube-system" };
    site.rack.kube.put("daemonsets", { apiVersion: "apps/v1", kind: "DaemonSet", metadata });
    await expect.poll(ready, poll).toMatchObject({ status: "True" });
    await expect.poll(() => os.ready(), poll).toBe(true);
  });

  test("that is not armed finds nothing to boot, and no Node comes of it", async () => {
    const site = await createSite([worker({ state: "blank" })]);
    const { os } = site.rack.talos("w1");
    const host = site.rack.host("w1");
    host.press("on", "finger");
    await expect.poll(() => os.console.at(-1), poll).toBe("No bootable device");
    expect(os.console).toContain("Lightsout: w1 is not armed, booting its disk");
    expect([host.power(), host.osUp()]).toEqual(["on", false]);
    expect(() => site.rack.kube.node("w1")).toThrow("no Node w1");
  });
});

const installed = (more: Partial<RackMachine> = {}) => worker({ name: "w1", version: "v1.12.11", ...more });

test("an armed machine with an old system wipes it, installs once, and then starts its disk however often it goes to the network", async () => {
  const site = await createSite([installed()]);
  const { os } = site.rack.talos("w1");
  const host = site.rack.host("w1");
  host.bootOrder = "network";
  await site.arm("w1", { wipe: true });
  host.press("cycle", "finger");
  await expect.poll(() => os.storage.writes, poll).toEqual(["wipe nvme0n1", "install v1.13.9 on nvme0n1"]);
  for (let start = 0; start < 4; start += 1) {
    const before = os.boots.length;
    await expect.poll(() => os.stage(), poll).toBe("running");
    host.press("reset", "finger");
    await expect.poll(() => os.boots.length, poll).toBeGreaterThan(before);
  }
  expect(os.storage.writes).toEqual(["wipe nvme0n1", "install v1.13.9 on nvme0n1"]);
  expect(os.boots.at(-1)).toEqual({ how: "firmware", version: "v1.13.9" });
});

test("without wiping, the configuration on its disk wins: what was loaded runs, and nobody asks for another", async () => {
  const site = await createSite([installed()]);
  const { os } = site.rack.talos("w1");
  const host = site.rack.host("w1");
  host.boot = { target: "pxe", once: true, mode: "UEFI" };
  await site.arm("w1");
  host.press("reset", "finger");
  await expect.poll(() => os.boots.at(-1), poll).toEqual({ how: "firmware", version: "v1.13.9" });
  await expect.poll(() => os.stage(), poll).toBe("running");
  expect((await site.arms.of("w1"))?.state).toBe("armed");
  expect(os.storage.writes).toEqual([]);
  expect(os.storage.slots.a?.version).toBe("v1.12.11");
  await expect.poll(() => site.rack.kube.node("w1").status.nodeInfo.osImage, poll).toBe("Talos (v1.13.9)");
});

test("a machine that is not armed boots its disk, also when the network comes first or nobody answers there", async () => {
  const site = await createSite([installed()]);
  const { os } = site.rack.talos("w1");
  const host = site.rack.host("w1");
  host.bootOrder = "network";
  const starts = async () => {
    const before = os.boots.length;
    host.press("reset", "finger");
    await expect.poll(() => os.boots.length, poll).toBe(before + 1);
    await expect.poll(() => os.stage(), poll).toBe("running");
    return os.boots.at(-1);
  };
  expect(await starts()).toEqual({ how: "firmware", version: "v1.12.11" });
  expect(os.console).toContain("iPXE leaves: exit 1");
  site.rack.bootFrom("http://127.0.0.1:9");
  expect(await starts()).toEqual({ how: "firmware", version: "v1.12.11" });
  site.rack.bootFrom(undefined);
  expect(await starts()).toEqual({ how: "firmware", version: "v1.12.11" });
});

test("a machine whose configuration selects no disk stays uninstalled, and says why", async () => {
  const site = await createSite([worker({ state: "blank" })], {
    config: (machine) => configFor(site.rack, machine, { serial: "NOT-THERE" }),
  });
  const { os } = site.rack.talos("w1");
  await site.arm("w1");
  site.rack.host("w1").press("on", "finger");
  await expect.poll(() => os.console.at(-1), poll).toContain("failed to install");
  const why = "no disk found matching provided parameters: serial: NOT-THERE";
  const talos = site.talos("w1");
  expect(await talos.status()).toMatchObject({ stage: "installing" });
  const lines: string[] = [];
  for await (const line of talos.dmesg()) lines.push(line);
  expect(lines.join("\n")).toContain(why);
  const stop = new AbortController();
  for await (const { fact } of talos.events({ from: "all" }, stop.signal)) {
    if (fact.kind !== "sequence" || !fact.error) continue;
    expect(fact).toMatchObject({ sequence: "install", error: { code: "fatal", message: expect.stringContaining(why) } });
    break;
  }
  expect(os.storage.writes).toEqual([]);
  expect((await talos.disks()).every(({ system }) => !system)).toBe(true);
  // What is corrected is installed.
  await talos.applyConfiguration(site.permit("w1", "apply-config"), configFor(site.rack, "w1"), { mode: "auto" });
  await expect.poll(() => os.storage.writes, poll).toEqual(["install v1.13.9 on nvme0n1"]);
});
