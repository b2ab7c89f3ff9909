import { execFile } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { systemClock } from "#events";
import { createHost, type Host } from "#test/lab/host.ts";
import { createIpmiBmc, type IpmiBmc } from "#test/lab/ipmi-bmc.ts";
import { peer } from "#test/peers/peer.ts";

const ipmitool = peer("ipmitool");

interface Ran {
  readonly code: number;
  readonly out: string;
}

describe.skipIf(!ipmitool).each([17, 3])("ipmitool drives our BMC, cipher suite %i", (suite) => {
  let host: Host;
  let bmc: IpmiBmc;

  beforeAll(async () => {
    host = createHost({ name: "m1", clock: systemClock, bootMs: 20, offMs: 20, shutdownMs: 20 });
    bmc = await createIpmiBmc({ host, clock: systemClock, user: "admin", password: "secret" });
  });
  afterAll(() => bmc.close());

  const runAs = (password: string, ...args: string[]): Promise<Ran> =>
    new Promise((resolve) => {
      const all = ["-I", "lanplus", "-H", "127.0.0.1", "-p", String(bmc.port), "-U", "admin", "-P", password, "-C", String(suite), ...args];
      execFile(ipmitool ?? "", all, (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, out: stdout + stderr }));
    });
  const run = async (...args: string[]): Promise<string> => {
    const { code, out } = await runAs("secret", ...args);
    expect(code, out).toBe(0);
    return out;
  };
  const settled = (power: string) => vi.waitFor(() => expect(host.power()).toBe(power), { timeout: 10_000, interval: 5 });

  it("power: status, off, on, cycle, reset, soft", async () => {
    expect(await run("power", "status")).toContain("Power is on");
    await run("power", "off");
    await settled("off");
    expect(await run("power", "status")).toContain("Power is off");
    await run("power", "on");
    await settled("on");
    await run("power", "reset");
    expect(host.count).toEqual({ off: 1, on: 1, reset: 1 });
    await vi.waitFor(() => expect(host.osUp()).toBe(true), { timeout: 10_000, interval: 5 });
    await run("power", "soft");
    await settled("off");
    await run("power", "on");
    await settled("on");
  });

  it("bootdev pxe over UEFI, once, and reads it back", async () => {
    await run("chassis", "bootdev", "pxe", "options=efiboot");
    expect(host.boot).toEqual({ target: "pxe", once: true, mode: "UEFI" });
    const read = await run("chassis", "bootparam", "get", "5");
    expect(read).toContain("Boot Flag Valid");
    expect(read).toContain("only next boot");
    expect(read).toContain("EFI boot");
    expect(read).toContain("Force PXE");
    await run("chassis", "bootdev", "disk", "options=persistent");
    expect(host.boot).toMatchObject({ target: "disk", once: false });
  });

  it("sel: info, and what the log says of power", async () => {
    host.mains(false);
    host.mains(true);
    expect(await run("sel", "info")).toContain("Entries");
    const list = await run("sel", "list");
    expect(list).toContain("AC lost | Asserted");
    expect(list).toContain("AC lost | Deasserted");
    expect(list).toContain("Power off/down");
  });

  it("mc info, guid, fru print, dcmi power reading, identify", async () => {
    const info = await run("mc", "info");
    expect(info).toMatch(/Firmware Revision +: 2\.71/);
    expect(info).toMatch(/IPMI Version +: 2\.0/);
    expect((await run("mc", "guid", "smbios")).toLowerCase()).toContain(host.identity.uuid);
    const fru = await run("fru", "print", "0");
    expect(fru).toMatch(/Product Serial +: SN-m1/);
    expect(fru).toMatch(/Board Mfg +: ACME/);
    expect(fru).toMatch(/Chassis Serial +: SN-m1/);
    expect(fru).not.toContain("Invalid checksum");
    expect(await run("dcmi", "power", "reading")).toMatch(new RegExp(`Instantaneous power reading: +${host.watts()} Watts`));
    await run("chassis", "identify", "1");
    expect(bmc.requests.filter(({ netFn, cmd }) => netFn === 0 && cmd === 4).map(({ data }) => data[0])).toEqual([1]);
  });

  it("refuses a wrong password, and frees its sessions after a right one", async () => {
    const sessions = bmc.sessions();
    const { code, out } = await runAs("wrong", "power", "status");
    expect(code).not.toBe(0);
    expect(out).toContain("Unable to establish IPMI v2");
    await run("power", "status");
    // ipmitool leaves the slot of the failed attempt half open; nothing else may stay.
    expect(bmc.sessions()).toBeLessThanOrEqual(sessions + 1);
  });

  it("refuses what is above the session's privilege", async () => {
    const { code, out } = await runAs("secret", "-L", "USER", "power", "off");
    expect(code).not.toBe(0);
    expect(out).toMatch(/[Ii]nsufficient privilege/);
  });

  it("restarts on mc reset cold", async () => {
    await run("mc", "reset", "cold");
    expect(bmc.sessions()).toBe(0);
  });
});

describe.skipIf(!ipmitool)("ipmitool and our BMC without a chosen suite", () => {
  it("agree on the best one that the BMC lists", async () => {
    const host = createHost({ name: "m1", clock: systemClock });
    const bmc = await createIpmiBmc({ host, clock: systemClock, user: "admin", password: "secret", kg: "second" });
    const args = [
      "-I",
      "lanplus",
      "-H",
      "127.0.0.1",
      "-p",
      String(bmc.port),
      "-U",
      "admin",
      "-P",
      "secret",
      "-k",
      "second",
      "-vv",
      "power",
      "status",
    ];
    const out = await new Promise<string>((resolve) => execFile(ipmitool ?? "", args, (_, stdout, stderr) => resolve(stdout + stderr)));
    await bmc.close();
    expect(out).toContain("Power is on");
    expect(out).toMatch(/sha256/i);
  });
});
