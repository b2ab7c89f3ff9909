import { isIP } from "node:net";
import type { ServingRequest } from "#adapters/cluster/port.ts";

/** What is known of a machine without asking whoever made the request. */
export interface ServingFacts {
  /** Its Node, by the inventory. */
  readonly node: string;
  /** Names and addresses that Talos on the machine gives its kubelet. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
}

export interface ServingAnswer {
  readonly approve: boolean;
  readonly why: string;
}

const usages = ["digital signature", "key encipherment", "server auth"];

/**
 * Whether a request for a kubelet serving certificate is what this machine's kubelet would ask for, and nothing more. Anything else is left
 * alone and never denied: a person may know better.
 * https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
 */
export function judgeServing(request: ServingRequest, { node, names, addresses }: ServingFacts): ServingAnswer {
  const no = (why: string): ServingAnswer => ({ approve: false, why });
  const { csr, groups, username } = request;
  const user = `system:node:${node}`;
  if (username !== user) return no(`${username || "nobody"} asks for it, not ${user}`);
  if (!groups.includes("system:nodes")) return no(`${username} is not in the group system:nodes`);
  const strange = request.usages.find((usage) => !usages.includes(usage));
  if (strange !== undefined) return no(`it is to be used for ${strange}`);
  if (!request.usages.includes("server auth")) return no("it is not to be used for server auth");
  if (!csr) return no("it cannot be read");
  if (csr.commonName !== user) return no(`it is for ${csr.commonName || "nobody"}, and ${user} asks for it`);
  const [organization, ...more] = csr.organizations;
  if (organization !== "system:nodes" || more.length > 0)
    return no(`its organizations are ${csr.organizations.join(", ") || "none"}, not system:nodes alone`);
  if (csr.others > 0) return no("it names more than DNS names and addresses");
  if (csr.dnsNames.length + csr.addresses.length === 0) return no("it names neither a DNS name nor an address");
  const name = csr.dnsNames.find((one) => !names.includes(one));
  if (name !== undefined) return no(`Talos on the machine does not confirm the name ${name} (it says ${names.join(", ") || "none"})`);
  const confirmed = addresses.flatMap((one) => plainAddress(one) ?? []);
  const address = csr.addresses.find((one) => !confirmed.includes(plainAddress(one) ?? ""));
  if (address !== undefined)
    return no(`Talos on the machine does not confirm the address ${address} (it says ${addresses.join(", ") || "none"})`);
  return { approve: true, why: `${user} for ${[...csr.dnsNames, ...csr.addresses].join(", ")}, as Talos confirms` };
}

/** One way to write an address; `undefined` for what is none. */
function plainAddress(text: string): string | undefined {
  if (isIP(text) === 4) return text;
  return isIP(text) === 6 && !text.includes("%") ? new URL(`http://[${text}]`).hostname : undefined;
}
