import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { systemClock } from "#events";
import { createHost, type Host } from "#test/lab/host.ts";
import { createIpmiBmc, type IpmiBmc } from "#test/lab/ipmi-bmc.ts";
import { peer } from "#test/peers/peer.ts";

const programs = ["ipmipower", "ipmi-chassis", "ipmi-config", "bmc-info", "ipmi-fru", "ipmi-sel"] as const;
const freeipmi = new Map(programs.map((name) => [name, peer(name, "freeipmi-tools")]));

interface Ran {
  readonly code: number;
  readonly out: string;
}

describe.skipIf([...freeipmi.values()].includes(undefined)).each([17, 3])("FreeIPMI drives our BMC, cipher suite %i", (suite) => {
  let host: Host;
  let bmc: IpmiBmc;
  let cache: string;

  beforeAll(async () => {
    cache = mkdtempSync(join(tmpdir(), "freeipmi-"));
    host = createHost({ name: "m1", clock: systemClock, bootMs: 20, offMs: 20, shutdownMs: 20 });
    // FreeIPMI reads a GUID in the order in which IPMI sends one.
    bmc = await createIpmiBmc({ host, clock: systemClock, user: "admin", password: "secret", guidOrder: "ipmi" });
  });
  afterAll(async () => {
    await bmc.close();
    rmSync(cache, { recursive: true });
  });

  const runAs = (user: string, password: string, program: (typeof programs)[number], ...args: string[]): Promise<Ran> =>
    new Promise((resolve) => {
      const login = ["-h", `127.0.0.1:${bmc.port}`, "-u", user, "-p", password, "-D", "LAN_2_0", "-I", String(suite)];
      execFile(freeipmi.get(program) ?? "", [...login, ...args], (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, out: stdout + stderr }),
      );
    });
  const run = async (...command: Parameters<typeof runAs> extends [string, string, ...infer Rest] ? Rest : never): Promise<string> => {
    const { code, out } = await runAs("admin", "secret", ...command);
    expect(code, out).toBe(0);
    return out;
  };
  const settled = (power: string) => vi.waitFor(() => expect(host.power()).toBe(power), { timeout: 10_000, interval: 5 });
  const up = () => vi.waitFor(() => expect(host.osUp()).toBe(true), { timeout: 10_000, interval: 5 });

  it("ipmipower: stat, off, on, cycle, reset, soft", async () => {
    expect(await run("ipmipower", "--stat")).toBe("127.0.0.1: on\n");
    expect(await run("ipmipower", "--off")).toBe("127.0.0.1: ok\n");
    await settled("off");
    expect(await run("ipmipower", "--stat")).toBe("127.0.0.1: off\n");
    expect(await run("ipmipower", "--on")).toBe("127.0.0.1: ok\n");
    await up();
    expect(await run("ipmipower", "--cycle")).toBe("127.0.0.1: ok\n");
    await vi.waitFor(() => expect(host.count).toEqual({ off: 2, on: 2, reset: 0 }), { timeout: 10_000, interval: 5 });
    await up();
    // After a reset it leaves its session to expire.
    expect(bmc.sessions()).toBe(0);
    expect(await run("ipmipower", "--reset")).toBe("127.0.0.1: ok\n");
    expect(host.count).toEqual({ off: 2, on: 2, reset: 1 });
    await up();
    expect(await run("ipmipower", "--soft")).toBe("127.0.0.1: ok\n");
    await settled("off");
    expect(await run("ipmipower", "--on")).toBe("127.0.0.1: ok\n");
    await settled("on");
  });

  it("ipmipower tells a wrong password from an unknown user, and neither switches anything", async () => {
    const before = { ...host.count };
    expect(await runAs("admin", "wrong", "ipmipower", "--off")).toEqual({ code: 1, out: "127.0.0.1: password invalid\n" });
    expect(await runAs("nobody", "secret", "ipmipower", "--off")).toEqual({ code: 1, out: "127.0.0.1: username invalid\n" });
    expect(host.count).toEqual(before);
    expect(await run("ipmipower", "--stat")).toBe("127.0.0.1: on\n");
  });

  it("ipmi-chassis: status, identify, and nothing above the session's privilege", async () => {
    expect(await run("ipmi-chassis", "--get-chassis-status")).toMatch(/System Power +: on/);
    await run("ipmi-chassis", "--chassis-identify=5");
    expect(await run("ipmi-chassis", "--get-chassis-status")).toMatch(/Chassis Identify state +: Timed on/);
    const { code, out } = await runAs("admin", "secret", "ipmi-chassis", "-l", "USER", "--chassis-control=POWER-DOWN");
    expect(code).not.toBe(0);
    expect(out).toContain("privilege level insufficient");
    expect(host.power()).toBe("on");
  });

  it.each([
    ["PXE", "EFI", "No", { target: "pxe", once: true, mode: "UEFI" }],
    ["HARD-DRIVE", "PC-COMPATIBLE", "Yes", { target: "disk", once: false, mode: "Legacy" }],
    ["CD-DVD", "EFI", "No", { target: "cd", once: true, mode: "UEFI" }],
    ["BIOS-SETUP", "EFI", "No", { target: "bios", once: true, mode: "UEFI" }],
  ])("ipmi-config: boots from %s over %s, persistent %s, and reads it back so", async (device, type, persistent, boot) => {
    const set = { Boot_Device: device, BIOS_Boot_Type: type, Boot_Flags_Persistent: persistent };
    const pairs = Object.entries(set).map(([key, value]) => `--key-pair=Chassis_Boot_Flags:${key}=${value}`);
    await run("ipmi-config", "--category=chassis", "--commit", ...pairs);
    expect(host.boot).toEqual(boot);
    const read = await run("ipmi-config", "--category=chassis", "--checkout", "--section=Chassis_Boot_Flags");
    for (const [key, value] of Object.entries(set)) expect(read).toMatch(new RegExp(`^\\s*${key}\\s+${value}$`, "m"));
  });

  it("bmc-info: the device, its GUID and its channel", async () => {
    const device = await run("bmc-info", "--get-device-id");
    expect(device).toMatch(/Firmware Revision +: 2\.71/);
    expect(device).toMatch(/IPMI Version +: 2\.0/);
    expect(device).toMatch(/Chassis Device +: supported/);
    expect((await run("bmc-info", "--get-system-guid")).trim()).toBe(host.identity.uuid);
    const channel = await run("bmc-info", "--get-channel-info");
    expect(channel).toMatch(/Medium Type +: 802\.3 LAN/);
    expect(channel).toMatch(/Active Session Count : [1-9]/);
  });

  it("ipmi-fru: the serial in all three areas", async () => {
    const fru = await run("ipmi-fru", `--sdr-cache-directory=${cache}`, "--quiet-cache");
    for (const area of ["Chassis", "Board", "Product"]) expect(fru).toContain(`FRU ${area} Serial Number: SN-m1`);
    expect(fru).toContain("FRU Product Name: Box1");
    expect(fru).not.toMatch(/checksum|invalid/i);
  });

  it("ipmi-sel: what the log says of power", async () => {
    host.mains(false);
    host.mains(true);
    const list = await run("ipmi-sel", `--sdr-cache-directory=${cache}`, "--quiet-cache", "-v", "--comma-separated-output");
    expect(list).toContain("Power Unit,Assertion Event,AC lost/Power input lost");
    expect(list).toContain("Power Unit,Deassertion Event,AC lost/Power input lost");
    expect(await run("ipmi-sel", "--info")).toMatch(/Number of log entries +: [1-9]/);
  });
});
