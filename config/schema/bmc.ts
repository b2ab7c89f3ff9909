import type { z } from "zod";
import type { Duration } from "#events";
import type { Secret } from "../secret.ts";
import { host } from "./address.ts";
import { section } from "./section.ts";
import { choice, duration, flag, path, Refused, secret, user, value, whole } from "./value.ts";

const pin = value("the certificate's SHA-256 fingerprint", (given) => {
  const digits = given
    .replace(/^sha-?256[:=/ ]?/i, "")
    .replaceAll(":", "")
    .toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits)
    ? digits
    : new Refused("is not a SHA-256 fingerprint", "Write 64 hexadecimal digits, as `openssl x509 -noout -fingerprint -sha256` prints them");
});

const tls = section({
  ca: path.optional(),
  pin: pin.optional(),
  trustOnFirstUse: flag.optional(),
  legacy: flag.optional(),
  plain: flag.optional(),
});

const shared = {
  kind: choice(["redfish", "ipmi", "none"], {
    amt: "Intel AMT is not supported yet: write none",
    wol: "Wake-on-LAN is not supported yet: write none",
    idrac: "Write redfish",
    ilo: "Write redfish",
  }).optional(),
  port: whole(1, 65_535).optional(),
  user: user.optional(),
  password: secret.optional(),
  kg: secret.optional(),
  cipherSuite: value("17 or 3", (given): 3 | 17 | Refused =>
    given === "3" ? 3 : given === "17" ? 17 : new Refused("is not a secure cipher suite", "Write 17 (SHA-256) or 3 (SHA-1)"),
  ).optional(),
  auth: choice(["auto", "session", "basic"]).optional(),
  tls: tls.optional(),
  spacing: duration("1m").optional(),
};

/** What the pool and `defaults` may give to every BMC: all but what only one machine can have. */
export const sharedBmc = section(shared);

/** `bmc` as it is written; what is missing may stand in the pool or in `defaults`. */
export const writtenBmc = section({ ...shared, address: host.optional() });

export type WrittenBmc = z.output<typeof writtenBmc>;

/** How a BMC's certificate is judged. `plain`: there is none, http. */
export type BmcTls = {
  /** Accept TLS 1.0 and old renegotiation, as old iDRAC and iLO need. */
  readonly legacy: boolean;
} & (
  | { readonly verify: "ca"; readonly ca?: string }
  /** Lower-case hexadecimal SHA-256 of the certificate. */
  | { readonly verify: "pin"; readonly pin: string }
  | { readonly verify: "first-use" }
  | { readonly verify: "plain" }
);

interface RedfishConfig {
  readonly kind: "redfish";
  readonly address: string;
  readonly port?: number;
  readonly user: string;
  readonly password: Secret;
  readonly auth: "auto" | "session" | "basic";
  readonly tls: BmcTls;
  readonly spacing?: Duration;
}

interface IpmiConfig {
  readonly kind: "ipmi";
  readonly address: string;
  readonly port?: number;
  readonly user: string;
  readonly password: Secret;
  /** Read it with `kgBytes`. */
  readonly kg?: Secret;
  readonly cipherSuite?: 3 | 17;
  readonly spacing?: Duration;
}

export type BmcConfig = RedfishConfig | IpmiConfig;

/** The bytes of a K_g: `0x` and an even number of hexadecimal digits as most BMCs show it, or else a text. */
export function kgBytes(kg: Secret): Uint8Array {
  const written = kg.reveal();
  return /^0x([0-9a-f]{2})+$/i.test(written) ? Buffer.from(written.slice(2), "hex") : Buffer.from(written);
}

/** The port that a BMC of this kind listens on where none is given. */
export const usualPort = (kind: string, plain: boolean) => (kind === "ipmi" ? 623 : plain ? 80 : 443);
