import { z } from "zod";
import { isLoopback } from "#adapters/http/loopback.ts";
import { listen } from "./address.ts";
import { section } from "./section.ts";
import { present } from "./store.ts";
import { choice, flag, like, path, Refused, value } from "./value.ts";

const baseUrl = (example: string) =>
  value(
    `a URL such as ${example}`,
    (given) => {
      const plain = given.replace(/\/+$/, "");
      if (/^https?:\/\/[A-Za-z0-9.:[\]-]+(\/[A-Za-z0-9._/-]+)?$/.test(plain) && URL.canParse(plain)) return plain;
      return new Refused("is not such a URL", `Write it like ${example}, without a user, a query or spaces`);
    },
    like(/^https?:\/\/[A-Za-z0-9.:[\]-]+(\/[A-Za-z0-9._/-]*)?$/, example),
  );

const address = value(
  "an IPv4 address",
  (given) => (z.ipv4().safeParse(given).success ? given : new Refused("is not an IPv4 address", "Write it like 10.0.10.0")),
  like(z.regexes.ipv4, "10.0.10.0"),
);
const absolutePath = value(
  "an absolute path",
  (given) =>
    /^\/[A-Za-z0-9._/-]+$/.test(given) ? given : new Refused("is not an absolute path", "Write it from / on: dnsmasq may run elsewhere"),
  like(/^\/[A-Za-z0-9._/-]+$/, "/srv/tftp"),
);

/** `dnsmasq`: what its configuration is made of. */
const dnsmasq = section({
  mode: choice(["proxy", "dhcp"]).prefault("proxy").describe("proxy: beside another DHCP server; dhcp: the only one."),
  interface: value("a network card such as eth0", (given) =>
    /^[A-Za-z0-9._-]{1,15}$/.test(given) ? given : new Refused("is not a network card's name", "Write it as `ip link` shows it"),
  ).describe("The network card that it listens on."),
  subnet: address.describe("The network, IPv4."),
  tftpRoot: absolutePath.prefault("/srv/tftp").describe("Folder with the iPXE programs, where dnsmasq runs."),
  netmask: address.optional().describe("With mode dhcp: the network's mask, which it needs."),
  router: address.optional().describe("With mode dhcp: the router that machines are given."),
  dns: z.array(address).optional().describe("With mode dhcp: the name servers that machines are given."),
  pool: section({ from: address.describe("The first address."), to: address.describe("The last address.") })
    .optional()
    .describe("With mode dhcp: addresses for machines that are not in this file."),
  leaseFile: absolutePath.optional().describe("With mode dhcp: where leases are kept, where dnsmasq runs."),
}).transform(({ interface: card, subnet, tftpRoot, mode, netmask, pool, ...rest }, context) => {
  const refuse = (key: string, message: string, fix: string) => {
    context.addIssue({ code: "custom", message, params: { fix }, path: [key], input: undefined });
    return z.NEVER;
  };
  const common = { interface: card, subnet, tftpRoot };
  if (mode === "dhcp") {
    if (netmask === undefined) return refuse("netmask", "A DHCP server needs the netmask", "Write it like 255.255.255.0");
    const range: readonly [string, string] | undefined = pool && [pool.from, pool.to];
    return { ...common, mode, netmask, ...present({ ...rest, pool: range }) };
  }
  const [foreign] = Object.keys(present({ netmask, pool, ...rest }));
  if (foreign !== undefined) return refuse(foreign, "Beside another DHCP server this means nothing", "Remove it, or write mode: dhcp");
  return { ...common, mode };
});

/** `netboot`: the boot server. Machines reach it without a token; on loopback until it is told otherwise. */
export const netboot = section({
  listen: listen.prefault("127.0.0.1:7481").describe("Host and port of the boot server; machines reach it without a token."),
  url: baseUrl("http://10.0.10.2:7481").optional().describe("The URL under which machines reach it."),
  assets: path.prefault("./assets").describe("Folder with kernels and initramfs."),
  source: baseUrl("https://factory.talos.dev/image")
    .optional()
    .describe("Where kernels and initramfs are fetched from when they are not there."),
  checksums: flag.prefault("false").describe("The source has SHA256SUMS in every folder."),
  programs: path.optional().describe("Folder with iPXE's own programs, for machines that boot over HTTP."),
  dnsmasq: dnsmasq.optional().describe("What lightsout dnsmasq makes its configuration of."),
}).superRefine((given, context) => {
  const add = (key: string, message: string, fix: string) =>
    context.addIssue({ code: "custom", message, params: { fix }, path: [key], input: undefined });
  const local = given.url === undefined ? isLoopback(given.listen.host) : isLoopback(hostOf(given.url));
  if (given.url === undefined && !local) {
    add("listen", "Nothing says under which URL machines reach this", `Write netboot.url, such as http://10.0.10.2:${given.listen.port}`);
  }
  if (given.dnsmasq && local) {
    add("dnsmasq", "Machines cannot reach a boot server on loopback", "Write netboot.listen and netboot.url as they reach it");
  }
});

const hostOf = (url: string) => new URL(url).hostname.replace(/^\[|\]$/g, "");

export type NetbootConfig = z.output<typeof netboot>;
