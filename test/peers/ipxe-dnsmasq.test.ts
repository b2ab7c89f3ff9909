import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDnsmasqConfig, type DnsmasqOptions } from "#adapters/netboot/mod.ts";
import { peer } from "#test/peers/peer.ts";

const dnsmasq = peer("dnsmasq", "dnsmasq-base");

const machines = Array.from({ length: 300 }, (_, at) => {
  const last = at.toString(16).padStart(4, "0");
  return {
    name: `worker-${at}`,
    macs: [`00:25:90:aa:${last.slice(0, 2)}:${last.slice(2)}`, `00:25:90:ab:${last.slice(0, 2)}:${last.slice(2)}`],
    ...(at % 3 > 0 && { address: `10.1.${Math.floor(at / 200)}.${(at % 200) + 20}` }),
  };
});
const common = { interface: "eno1", url: "http://10.1.0.2:7481", subnet: "10.1.0.0", machines };

describe.skipIf(!dnsmasq)("dnsmasq itself", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "dnsmasq-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each<[string, (tftpRoot: string) => DnsmasqOptions]>([
    ["beside another DHCP server", (tftpRoot) => ({ ...common, tftpRoot, mode: "proxy" })],
    ["for the inventory only", (tftpRoot) => ({ ...common, tftpRoot, mode: "dhcp", netmask: "255.255.0.0" })],
    [
      "with everything",
      (tftpRoot) => ({
        ...common,
        tftpRoot,
        mode: "dhcp",
        netmask: "255.255.0.0",
        router: "10.1.0.1",
        dns: ["10.1.0.1", "9.9.9.9"],
        pool: ["10.1.9.1", "10.1.9.200"],
        leaseFile: `${tftpRoot}/leases`,
      }),
    ],
  ])("accepts the configuration %s", async (_, options) => {
    const file = join(folder, "dnsmasq.conf");
    await writeFile(file, createDnsmasqConfig(options(folder)));
    const { stderr } = await promisify(execFile)(dnsmasq ?? "", ["--test", "-C", file]);
    expect(stderr).toContain("syntax check OK");
  });
});
