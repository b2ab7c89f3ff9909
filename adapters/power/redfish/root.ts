import { at, fields, text } from "./fields.ts";
import { createHttp } from "./http.ts";
import type { RedfishTls } from "./tls.ts";

/** What a Redfish service tells everybody. */
export interface RedfishRoot {
  readonly version: string;
  /** As `Dell Integrated Dell Remote Access Controller`; empty where it does not say. */
  readonly maker: string;
}

/**
 * Reads the service root without a login; `undefined` where something answers that is no Redfish service. Rejects with a `DeviceError` where
 * nothing answers.
 */
export async function lookAtRedfish(options: {
  target: string;
  /** Host with `:port` where it is not the protocol's own. */
  address: string;
  tls: RedfishTls;
  signal: AbortSignal;
}): Promise<RedfishRoot | undefined> {
  const { address, signal, target, tls } = options;
  const http = createHttp({ machine: target, address, tls, secret: "" });
  try {
    const { body, status } = await http.exchange({ method: "GET", path: "/redfish/v1/", signal });
    if (status >= 300 || at(body, "Systems") === undefined) return undefined;
    const names = [text(body, "Vendor") ?? Object.keys(fields(body, "Oem"))[0], text(body, "Product")];
    return { version: text(body, "RedfishVersion") ?? "of an unknown version", maker: names.filter(Boolean).join(" ") };
  } finally {
    await http.close();
  }
}
