import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createDnsmasqConfig, type DnsmasqOptions } from "#adapters/netboot/mod.ts";

const machines = [
  { name: "gpu-02", macs: ["3c:ec:ef:12:34:56", "3CECEF123457"], address: "10.0.10.22" },
  { name: "worker-01", macs: ["00-25-90-aa-bb-cc"] },
  { name: "worker-02", macs: ["00:25:90:aa:bb:cd"], address: "worker-02.lan" },
];
const common = { interface: "eno1", url: "http://10.0.10.2:7481", tftpRoot: "/srv/tftp", subnet: "10.0.10.0", machines };
const dhcp = { ...common, mode: "dhcp", netmask: "255.255.255.0" } as const;

describe("dnsmasq", () => {
  it("beside another DHCP server", () => {
    expect(createDnsmasqConfig({ ...common, mode: "proxy" })).toMatchInlineSnapshot(`
      "# Written by Lightsout from the inventory; changes here are lost.
      port=0
      interface=eno1
      bind-interfaces
      except-interface=lo
      log-dhcp
      no-ping
      enable-tftp
      tftp-root=/srv/tftp

      # Who asks. iPXE says so itself; firmware tells its kind (RFC 4578, and 15 to 19 for HTTP boot).
      dhcp-userclass=set:ipxe,iPXE
      dhcp-match=set:ipxe,175
      dhcp-match=set:bios,option:client-arch,0
      dhcp-match=set:efi-x64,option:client-arch,7
      dhcp-match=set:efi-x64,option:client-arch,9
      dhcp-match=set:efi-arm64,option:client-arch,11
      dhcp-match=set:http-x64,option:client-arch,16
      dhcp-match=set:http-arm64,option:client-arch,19

      # Another server hands out the addresses.
      dhcp-range=10.0.10.0,proxy
      dhcp-no-override
      dhcp-ignore=tag:!inventory
      pxe-service=tag:!ipxe,x86PC,"iPXE",undionly.kpxe
      pxe-service=tag:!ipxe,X86-64_EFI,"iPXE",snponly.efi
      pxe-service=tag:!ipxe,BC_EFI,"iPXE",snponly.efi
      pxe-service=tag:!ipxe,ARM64_EFI,"iPXE",snponly-arm64.efi
      pxe-service=tag:ipxe,x86PC,"Lightsout",http://10.0.10.2:7481/boot.ipxe
      pxe-service=tag:ipxe,X86-64_EFI,"Lightsout",http://10.0.10.2:7481/boot.ipxe
      pxe-service=tag:ipxe,BC_EFI,"Lightsout",http://10.0.10.2:7481/boot.ipxe
      pxe-service=tag:ipxe,ARM64_EFI,"Lightsout",http://10.0.10.2:7481/boot.ipxe
      dhcp-boot=tag:ipxe,http://10.0.10.2:7481/boot.ipxe

      # 3 machines of the inventory.
      dhcp-host=3c:ec:ef:12:34:56,3c:ec:ef:12:34:57,set:inventory
      dhcp-host=00:25:90:aa:bb:cc,set:inventory
      dhcp-host=00:25:90:aa:bb:cd,set:inventory
      "
    `);
  });

  it("as the DHCP server of the network", () => {
    const pool = ["10.0.10.100", "10.0.10.199"] as const;
    const more = { router: "10.0.10.1", dns: ["10.0.10.1", "9.9.9.9"], pool, leaseFile: "/var/lib/lightsout/leases" };
    expect(createDnsmasqConfig({ ...dhcp, ...more })).toMatchInlineSnapshot(`
      "# Written by Lightsout from the inventory; changes here are lost.
      port=0
      interface=eno1
      bind-interfaces
      except-interface=lo
      log-dhcp
      no-ping
      enable-tftp
      tftp-root=/srv/tftp

      # Who asks. iPXE says so itself; firmware tells its kind (RFC 4578, and 15 to 19 for HTTP boot).
      dhcp-userclass=set:ipxe,iPXE
      dhcp-match=set:ipxe,175
      dhcp-match=set:bios,option:client-arch,0
      dhcp-match=set:efi-x64,option:client-arch,7
      dhcp-match=set:efi-x64,option:client-arch,9
      dhcp-match=set:efi-arm64,option:client-arch,11
      dhcp-match=set:http-x64,option:client-arch,16
      dhcp-match=set:http-arm64,option:client-arch,19

      dhcp-authoritative
      dhcp-leasefile=/var/lib/lightsout/leases
      dhcp-range=10.0.10.0,static,255.255.255.0,1h
      dhcp-range=10.0.10.100,10.0.10.199,255.255.255.0,1h
      dhcp-option=option:router,10.0.10.1
      dhcp-option=option:dns-server,10.0.10.1,9.9.9.9
      # Only machines of the inventory are told where to boot.
      dhcp-boot=tag:inventory,tag:ipxe,http://10.0.10.2:7481/boot.ipxe
      dhcp-boot=tag:inventory,tag:!ipxe,tag:bios,undionly.kpxe
      dhcp-boot=tag:inventory,tag:!ipxe,tag:efi-x64,snponly.efi
      dhcp-boot=tag:inventory,tag:!ipxe,tag:efi-arm64,snponly-arm64.efi
      # Firmware that boots over HTTP takes no offer that does not echo its class.
      dhcp-option-force=tag:http-x64,60,HTTPClient
      dhcp-option-force=tag:http-arm64,60,HTTPClient
      dhcp-boot=tag:inventory,tag:!ipxe,tag:http-x64,http://10.0.10.2:7481/efi/snponly.efi
      dhcp-boot=tag:inventory,tag:!ipxe,tag:http-arm64,http://10.0.10.2:7481/efi/snponly-arm64.efi

      # 3 machines of the inventory.
      dhcp-host=3c:ec:ef:12:34:56,3c:ec:ef:12:34:57,set:inventory,10.0.10.22,infinite
      dhcp-host=00:25:90:aa:bb:cc,set:inventory
      dhcp-host=00:25:90:aa:bb:cd,set:inventory
      "
    `);
  });

  it("serves nobody but the inventory when there is no pool", () => {
    expect(createDnsmasqConfig(dhcp)).toContain("\ndhcp-ignore=tag:!inventory\n");
  });

  it.each<[string, Partial<DnsmasqOptions>, RegExp]>([
    ["interface", { interface: "eno1\nport=53" }, /interface is/],
    ["url", { url: "http://a,b" }, /url is/],
    ["url's end", { url: "http://a/" }, /url is/],
    ["folder", { tftpRoot: "tftp" }, /not absolute and plain/],
    ["network", { subnet: "10.0.10.0/24" }, /no IPv4 address/],
    ["MAC", { machines: [{ name: "a", macs: ["x"] }] }, /a: "x" is no MAC/],
    ["machine", { machines: [{ name: "a", macs: [] }] }, /a has no MAC/],
    [
      "address",
      { machines: ["a", "b"].map((name, at) => ({ name, macs: [`00:25:90:aa:bb:0${at}`], address: "10.0.10.9" })) },
      /b and a have the same address 10.0.10.9/,
    ],
  ])("refuses a wrong %s", (_, more, message) => {
    expect(() => createDnsmasqConfig({ ...dhcp, ...more } as DnsmasqOptions)).toThrow(message);
  });

  it("no name, address or MAC becomes a line of its own", () => {
    const text = fc.oneof(fc.string(), fc.constantFrom("x\nport=53", "10.0.0.1\ndhcp-script=/bin/sh", "00:25:90:aa:bb:cc,set:x"));
    const lines = createDnsmasqConfig({ ...dhcp, machines: [] }).split("\n").length;
    fc.assert(
      fc.property(text, text, text, (name, mac, address) => {
        const config = createDnsmasqConfig({ ...dhcp, machines: [{ name, address, macs: ["3c:ec:ef:12:34:56"] }] });
        expect(config.split("\n")).toHaveLength(lines + 1);
        expect(config).toMatch(/\ndhcp-host=3c:ec:ef:12:34:56,set:inventory(,[\d.]+,infinite)?\n$/);
        expect(() => createDnsmasqConfig({ ...dhcp, machines: [{ name, macs: [mac] }] })).toThrow(/no MAC/);
      }),
    );
  });
});
