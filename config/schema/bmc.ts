import type { z } from "zod";
import type { Duration } from "#events";
import type { Secret } from "../secret.ts";
import { host } from "./address.ts";
import { section } from "./section.ts";
import { choice, duration, flag, like, path, Refused, secret, user, value, whole } from "./value.ts";

const pin = value(
  "the certificate's SHA-256 fingerprint",
  (given) => {
    const digits = given
      .replace(/^sha-?256[:=/ ]?/i, "")
      .replaceAll(":", "")
      .toLowerCase();
    return /^[0-9a-f]{64}$/.test(digits)
      ? digits
      : new Refused(
          "is not a SHA-256 fingerprint",
          "Write 64 hexadecimal digits, as `openssl x509 -noout -fingerprint -sha256` prints them",
        );
  },
  like(/^([sS][hH][aA]-?256[:=/ ]?)?([0-9A-Fa-f]{2}:?){32}$/),
);

const tls = section({
  ca: path.optional().describe("File with the certificate authority that the BMC's certificate is held against, PEM."),
  pin: pin.optional().describe("SHA-256 fingerprint of the one certificate that is accepted."),
  trustOnFirstUse: flag
    .optional()
    .describe("Remembers the certificate that is seen first and accepts no other; the default where nothing else is said."),
  legacy: flag.optional().describe("Accepts TLS 1.0 and old renegotiation, as old iDRAC and iLO need; default false."),
  plain: flag.optional().describe("Speaks HTTP without TLS: everybody on the way can read the password; default false."),
});

const shared = {
  kind: choice(["redfish", "ipmi", "none"], {
    amt: "Intel AMT is not supported yet: write none",
    wol: "Wake-on-LAN is not supported yet: write none",
    idrac: "Write redfish",
    ilo: "Write redfish",
  })
    .optional()
    .describe("What the BMC speaks; none for a machine without out-of-band control."),
  port: whole(1, 65_535).optional().describe("Its port; default 443 for redfish (80 without TLS), 623 for ipmi."),
  user: user.optional().describe("The user's name, itself or a reference; the operator role is enough for power."),
  password: secret.optional().describe("Reference to the user's password."),
  kg: secret.optional().describe("Reference to the BMC-wide second key of IPMI (K_g), as a text or as 0x and hexadecimal digits."),
  cipherSuite: value(
    "17 or 3",
    (given): 3 | 17 | Refused =>
      given === "3" ? 3 : given === "17" ? 17 : new Refused("is not a secure cipher suite", "Write 17 (SHA-256) or 3 (SHA-1)"),
    { enum: [17, 3, "17", "3"] },
  )
    .optional()
    .describe("Cipher suite of IPMI; left out, the best that the BMC lists is taken."),
  auth: choice(["auto", "session", "basic"]).optional().describe("How to log in to Redfish; default auto."),
  tls: tls.optional().describe("How the certificate of a Redfish service is judged."),
  spacing: duration("1m").optional().describe("Least time between two requests; default none."),
};

/** What the pool and `defaults` may give to every BMC: all but what only one machine can have. */
export const sharedBmc = section(shared);

/** `bmc` as it is written; what is missing may stand in the pool or in `defaults`. */
export const writtenBmc = section({
  ...shared,
  address: host.optional().describe("Host name or IP address of the BMC, without scheme and port."),
});

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
