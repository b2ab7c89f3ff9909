import { type AmtFound, recogniseAmt } from "#adapters/power/amt/recognise.ts";
import { createIpmiTransport, type IpmiOffer, lookAtIpmi } from "#adapters/power/ipmi/mod.ts";
import { lookAtCertificate, lookAtRedfish, type RedfishRoot, type ShownCertificate } from "#adapters/power/redfish/mod.ts";
import { systemClock } from "#events";
import { usualPort } from "../schema/bmc.ts";

/** What answers at an address. */
export interface Answering {
  readonly redfish?: { readonly certificate: ShownCertificate; readonly root: RedfishRoot };
  readonly ipmi?: IpmiOffer;
  readonly amt?: AmtFound;
}

/** Asks an address, all at once and without a login, what it speaks. Never rejects.. */
export async function probe(
  host: string,
  options: { redfishPort?: number; ipmiPort?: number; legacy?: boolean; only?: "redfish" | "ipmi" | undefined; signal: AbortSignal },
): Promise<Answering> {
  const { ipmiPort = usualPort("ipmi", false), legacy = false, only, redfishPort = usualPort("redfish", false), signal } = options;
  const transport = createIpmiTransport({ clock: systemClock });
  try {
    const [redfish, ipmi, amt] = await Promise.all([
      only === "ipmi" ? undefined : askRedfish(host, redfishPort, legacy, signal),
      only === "redfish" ? undefined : lookAtIpmi({ host, port: ipmiPort, transport, signal }).catch(() => undefined),
      only === undefined ? recogniseAmt(host, signal) : undefined,
    ]);
    return { ...(redfish && { redfish }), ...(ipmi && { ipmi }), ...(amt && { amt }) };
  } finally {
    await transport.close();
  }
}

async function askRedfish(host: string, port: number, legacy: boolean, signal: AbortSignal): Promise<Answering["redfish"]> {
  try {
    const certificate = await lookAtCertificate({ target: host, host, port, legacy, signal });
    const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    const root = await lookAtRedfish({ target: host, address, tls: { pin: certificate.fingerprint, legacy }, signal });
    return root && { certificate, root };
  } catch {
    // Silence and another protocol are the same here: it does not speak Redfish.
    return undefined;
  }
}
