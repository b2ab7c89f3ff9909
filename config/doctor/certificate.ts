import { fingerprintOf, lookAtCertificate } from "#adapters/power/redfish/mod.ts";
import { DeviceError } from "#events";
import { probe } from "../init/probe.ts";
import type { OpenPowers } from "../powers.ts";
import { usualPort } from "../schema/bmc.ts";
import type { BmcConfig } from "../schema.ts";
import { attended, broken, type Finding, failure, judgeExpiry, ok, warning } from "./check.ts";

type Redfish = Extract<BmcConfig, { kind: "redfish" }>;

/** What the checks of BMCs share. */
export interface BmcScene {
  readonly powers: OpenPowers;
  /** The fingerprints that were pinned on first use, by machine; absent where nobody can tell now. */
  readonly pinned: ReadonlyMap<string, string> | undefined;
  /** The certificate of this machine's BMC was seen: its login goes to that one and no other. */
  readonly saw: (machine: string, fingerprint: string) => void;
  readonly now: () => number;
  readonly withinMs: number;
}

/** The certificate that a BMC shows, against what is written or was pinned. `trusted`: a password may go there. */
export async function checkCertificate(
  name: string,
  bmc: Redfish,
  scene: BmcScene,
): Promise<{ readonly findings: readonly Finding[]; readonly trusted: boolean }> {
  const { address: host, port = usualPort("redfish", false), tls } = bmc;
  const { legacy } = tls;
  const look = await attended(scene.withinMs, (signal) => lookAtCertificate({ target: name, host, port, legacy, signal }));
  if ("error" in look) return { findings: [await unanswered(bmc, look.error, scene.withinMs)], trusted: false };
  const { fingerprint, validTo } = look.found;
  scene.saw(name, fingerprint);
  const shown = `the BMC shows sha256 ${fingerprint}`;
  if (tls.verify === "first-use" && !scene.pinned) {
    const seen = `${shown}; what was pinned on first use cannot be read, so no password was sent to it`;
    return { findings: [warning("certificate", seen, unread)], trusted: false };
  }
  const pin = tls.verify === "pin" ? fingerprintOf(tls.pin) : tls.verify === "first-use" ? scene.pinned?.get(name) : undefined;
  if (pin !== undefined && pin !== fingerprint) {
    const todo = "If this BMC got a new certificate, pin the new fingerprint; if not, somebody stands in between";
    return { findings: [failure("certificate", `${shown}, pinned is ${pin}`, todo)], trusted: false };
  }
  const trust =
    tls.verify === "ca"
      ? `it is verified by ${tls.ca ?? "the CAs that Node knows"} at every connection`
      : pin === undefined
        ? "nothing is pinned yet: the first contact of `lightsout serve` pins what it sees then"
        : "as it is pinned";
  return { findings: [ok("certificate", `${shown}; ${trust}`), ...ending(tls, validTo, scene.now())], trusted: true };
}

const unread = "Set LIGHTSOUT_TOKEN, so that the Lightsout that runs may tell, or ask again when the store answers; or write bmc.tls.pin";

/** Who pins a certificate does not ask it for a date. */
function ending(tls: Redfish["tls"], validTo: number, now: number): readonly Finding[] {
  const expiry = judgeExpiry("certificate", "it", validTo, now, "Renew it at the BMC, and pin the new fingerprint");
  if (expiry.result === "ok") return [];
  return [tls.verify === "ca" ? expiry : { ...expiry, result: "warning" }];
}

/** A BMC that does not answer as it is configured may answer otherwise. */
export async function unanswered({ address, kind, port }: BmcConfig, error: unknown, withinMs: number): Promise<Finding> {
  const finding = broken("BMC", error);
  const silent = error instanceof DeviceError && !["LO_BMC_UNREACHABLE", "LO_BMC_PROTOCOL", "LO_BMC_TIMEOUT"].includes(error.code);
  if (silent) return finding;
  const ports = port === undefined ? {} : { redfishPort: port, ipmiPort: port };
  const answering = await attended(withinMs, (signal) => probe(address, { ...ports, signal }));
  if ("error" in answering) return finding;
  const { amt, ipmi, redfish } = answering.found;
  if (kind === "redfish" && ipmi) return { ...finding, todo: `It answers IPMI: write kind: ipmi, or turn Redfish on at the BMC` };
  if (kind === "ipmi" && redfish)
    return { ...finding, todo: `It answers Redfish (${redfish.root.maker}): write kind: redfish, or turn on IPMI over LAN` };
  if (amt) return { ...finding, todo: `This is ${amt.server}, which is not driven yet: write kind: none` };
  return finding;
}
