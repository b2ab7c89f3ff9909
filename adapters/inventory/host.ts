import { isIP } from "node:net";

const label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
const hostname = new RegExp(`^${label}(\\.${label})*$`);

/** A host name or an IP address in one spelling, lower case and without brackets; `undefined` where it is neither. */
export function normaliseHost(given: string): string | undefined {
  const host = given.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  if (isIP(host) > 0) return host;
  // A last label of digits alone is a mistyped IPv4 address: no such top-level domain exists (RFC 1123, 2.1).
  return host.length <= 253 && hostname.test(host) && !/(^|\.)\d+$/.test(host) ? host : undefined;
}
