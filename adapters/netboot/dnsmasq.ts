import { isIPv4 } from "node:net";
import { LightsoutError } from "#events";
import { normaliseMac } from "./identify.ts";
import type { Bootable } from "./port.ts";

/** A machine that dnsmasq shall know: with an IPv4 address it gets that lease. */
export type Leased = Bootable & { readonly address?: string };

interface Common {
  /** The network card that the machines are reached by. */
  readonly interface: string;
  /** Where machines reach the boot server, such as `http://10.0.10.2:7481`. */
  readonly url: string;
  /** The folder with `undionly.kpxe` (BIOS), `snponly.efi` (x86-64) and `snponly-arm64.efi`. */
  readonly tftpRoot: string;
  readonly machines: readonly Leased[];
}

/** Beside a DHCP server that hands out the addresses: only says where to boot from. */
export interface ProxyOptions extends Common {
  readonly mode: "proxy";
  /** The network, such as `10.0.10.0`. */
  readonly subnet: string;
}

/** As the network's DHCP server: machines of the inventory get their address, others one of `pool` or none. */
export interface DhcpOptions extends Common {
  readonly mode: "dhcp";
  readonly subnet: string;
  readonly netmask: string;
  readonly router?: string;
  readonly dns?: readonly string[];
  /** First and last address for machines without one of their own. Absent: only machines with one are served. */
  readonly pool?: readonly [string, string];
  /** Where leases are kept; default dnsmasq's own place. */
  readonly leaseFile?: string;
}

export type DnsmasqOptions = ProxyOptions | DhcpOptions;

/**
 * The dnsmasq configuration for netbooting these machines: TFTP for BIOS and UEFI, HTTP boot for UEFI that asks for it, and the boot server's
 * first script for whoever runs iPXE already. Only machines of the inventory are told where to boot. Leases carry no host name: one that DHCP
 * sends collides with the name in the machine configuration.
 *
 * Throws `LO_DNSMASQ` for what cannot stand in such a file, and for a machine without a MAC or an address that two have.
 */
export function createDnsmasqConfig(options: DnsmasqOptions): string {
  check(options);
  const hosts = hostsOf(options);
  const parts = [
    ["# Written by Lightsout from the inventory; changes here are lost.", "port=0", `interface=${options.interface}`, ...serving(options)],
    ["# Who asks. iPXE says so itself; firmware tells its kind (RFC 4578, and 15 to 19 for HTTP boot).", ...asking],
    options.mode === "proxy" ? proxy(options) : dhcp(options),
    [`# ${hosts.length} machines of the inventory.`, ...hosts],
  ];
  return `${parts.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

const serving = ({ tftpRoot }: DnsmasqOptions) => [
  "bind-interfaces",
  "except-interface=lo",
  "log-dhcp",
  "no-ping",
  "enable-tftp",
  `tftp-root=${tftpRoot}`,
];

const asking = [
  "dhcp-userclass=set:ipxe,iPXE",
  "dhcp-match=set:ipxe,175",
  "dhcp-match=set:bios,option:client-arch,0",
  "dhcp-match=set:efi-x64,option:client-arch,7",
  "dhcp-match=set:efi-x64,option:client-arch,9",
  "dhcp-match=set:efi-arm64,option:client-arch,11",
  "dhcp-match=set:http-x64,option:client-arch,16",
  "dhcp-match=set:http-arm64,option:client-arch,19",
];

function proxy({ subnet, url }: ProxyOptions): string[] {
  const first = `${url}/boot.ipxe`;
  const services = [
    ["x86PC", "undionly.kpxe"],
    ["X86-64_EFI", "snponly.efi"],
    ["BC_EFI", "snponly.efi"],
    ["ARM64_EFI", "snponly-arm64.efi"],
  ] as const;
  return [
    "# Another server hands out the addresses.",
    `dhcp-range=${subnet},proxy`,
    "dhcp-no-override",
    "dhcp-ignore=tag:!inventory",
    ...services.map(([kind, file]) => `pxe-service=tag:!ipxe,${kind},"iPXE",${file}`),
    ...services.map(([kind]) => `pxe-service=tag:ipxe,${kind},"Lightsout",${first}`),
    `dhcp-boot=tag:ipxe,${first}`,
  ];
}

function dhcp({ dns, leaseFile, netmask, pool, router, subnet, url }: DhcpOptions): string[] {
  const http = ["http-x64", "http-arm64"] as const;
  return [
    "dhcp-authoritative",
    ...(leaseFile === undefined ? [] : [`dhcp-leasefile=${leaseFile}`]),
    `dhcp-range=${subnet},static,${netmask},1h`,
    ...(pool ? [`dhcp-range=${pool[0]},${pool[1]},${netmask},1h`] : ["dhcp-ignore=tag:!inventory"]),
    // An empty option is not sent: else dnsmasq names itself.
    `dhcp-option=option:router${router === undefined ? "" : `,${router}`}`,
    `dhcp-option=option:dns-server${dns === undefined || dns.length === 0 ? "" : `,${dns.join(",")}`}`,
    "# Only machines of the inventory are told where to boot.",
    `dhcp-boot=tag:inventory,tag:ipxe,${url}/boot.ipxe`,
    "dhcp-boot=tag:inventory,tag:!ipxe,tag:bios,undionly.kpxe",
    "dhcp-boot=tag:inventory,tag:!ipxe,tag:efi-x64,snponly.efi",
    "dhcp-boot=tag:inventory,tag:!ipxe,tag:efi-arm64,snponly-arm64.efi",
    "# Firmware that boots over HTTP takes no offer that does not echo its class.",
    ...http.map((kind) => `dhcp-option-force=tag:${kind},60,HTTPClient`),
    `dhcp-boot=tag:inventory,tag:!ipxe,tag:http-x64,${url}/efi/snponly.efi`,
    `dhcp-boot=tag:inventory,tag:!ipxe,tag:http-arm64,${url}/efi/snponly-arm64.efi`,
  ];
}

function hostsOf(options: DnsmasqOptions): string[] {
  const addresses = new Map<string, string>();
  return options.machines.map(({ address, macs, name }) => {
    if (macs.length === 0) throw refused(`${name} has no MAC in the inventory`, "Give it its macs, or leave it out");
    const cards = macs.map((mac) => normaliseMac(mac) ?? fail(`${name}: ${JSON.stringify(mac)} is no MAC address`));
    const lease = options.mode === "dhcp" && address !== undefined && isIPv4(address) ? address : undefined;
    const other = lease === undefined ? undefined : addresses.get(lease);
    if (other !== undefined) throw refused(`${name} and ${other} have the same address ${lease}`, "Give each its own");
    if (lease === undefined) return `dhcp-host=${cards.join(",")},set:inventory`;
    addresses.set(lease, name);
    return `dhcp-host=${cards.join(",")},set:inventory,${lease},infinite`;
  });
}

function check(options: DnsmasqOptions): void {
  if (!/^[A-Za-z0-9._-]{1,15}$/.test(options.interface)) fail(`interface is ${JSON.stringify(options.interface)}`);
  if (!/^https?:\/\/[A-Za-z0-9.:[\]/_-]+[^/]$/.test(options.url)) fail(`url is ${JSON.stringify(options.url)}`);
  for (const path of [options.tftpRoot, options.mode === "dhcp" ? (options.leaseFile ?? "/x") : "/x"]) {
    if (!/^\/[A-Za-z0-9._/-]+$/.test(path)) fail(`the path ${JSON.stringify(path)} is not absolute and plain`);
  }
  const dhcpOnly = options.mode === "dhcp" ? [options.netmask, options.router, ...(options.dns ?? []), ...(options.pool ?? [])] : [];
  for (const address of [options.subnet, ...dhcpOnly]) {
    if (address !== undefined && !isIPv4(address)) fail(`${JSON.stringify(address)} is no IPv4 address`);
  }
}

function fail(what: string): never {
  throw refused(what, "Write what dnsmasq can read: plain names, absolute paths, IPv4 addresses");
}

const refused = (what: string, hint: string) => new LightsoutError("LO_DNSMASQ", `No dnsmasq configuration can be made: ${what}`, { hint });
