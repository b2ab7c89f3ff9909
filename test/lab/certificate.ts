import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";

/** Attributes of a distinguished name, each with its OID and its value. */
export type Name = readonly (readonly [string, string])[];

/** From so many days before now to so many after it. */
export type Days = readonly [number, number];

export const commonName = (text: string) => ["2.5.4.3", text] as const;
export const organization = (text: string) => ["2.5.4.10", text] as const;

/** What a server's certificate is for. */
export interface CertificateNames {
  readonly dnsNames: readonly string[];
  /** IPv4. */
  readonly addresses: readonly string[];
}

const here: CertificateNames = { dnsNames: ["localhost"], addresses: ["127.0.0.1"] };

/**
 * Makes a certificate, as PEM. Node can read certificates but not make them, and a key in the repository would have to be explained to
 * every secret scanner, hence these lines of DER (RFC 5280 §4.1). It is signed with the issuer's kind of key: Ed25519 (RFC 8410), or ECDSA
 * with SHA-256 (RFC 5758).
 */
export function makeCertificate(parts: {
  readonly subject: Name;
  readonly issuer: Name;
  /** Public. */
  readonly subjectKey: KeyObject;
  /** Private. */
  readonly issuerKey: KeyObject;
  readonly days: Days;
  /** Absent for a CA. */
  readonly usage?: "client" | "server";
  /** Of a server. @default 127.0.0.1 and localhost */
  readonly names?: CertificateNames;
}): string {
  const { issuerKey, names = here, usage } = parts;
  const isEd25519 = issuerKey.asymmetricKeyType === "ed25519";
  const algorithm = seq(oid(isEd25519 ? "1.3.101.112" : "1.2.840.10045.4.3.2"));
  const extensions = [
    extension("2.5.29.19", true, usage ? seq() : seq(Buffer.from([0x01, 0x01, 0xff]))),
    extension("2.5.29.15", true, Buffer.from(usage ? [0x03, 0x02, 0x07, 0x80] : [0x03, 0x02, 0x01, 0x06])),
    extension("2.5.29.14", false, der(0x04, keyId(parts.subjectKey))),
    extension("2.5.29.35", false, seq(der(0x80, keyId(createPublicKey(issuerKey))))),
  ];
  if (usage) extensions.push(extension("2.5.29.37", false, seq(oid(`1.3.6.1.5.5.7.3.${usage === "server" ? 1 : 2}`))));
  if (usage === "server") {
    const dns = names.dnsNames.map((text) => der(0x82, Buffer.from(text)));
    const addresses = names.addresses.map((text) => der(0x87, Buffer.from(text.split(".").map(Number))));
    extensions.push(extension("2.5.29.17", false, seq(...dns, ...addresses)));
  }
  const tbs = seq(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    name(parts.issuer),
    seq(...parts.days.map(utcTime)),
    name(parts.subject),
    spki(parts.subjectKey),
    der(0xa3, seq(...extensions)),
  );
  const signature = sign(isEd25519 ? null : "sha256", tbs, issuerKey);
  const lines = seq(tbs, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])))
    .toString("base64")
    .match(/.{1,64}/g);
  return `-----BEGIN CERTIFICATE-----\n${(lines ?? []).join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** The private key as PKCS#8 under OpenSSL's label. */
export const keyPem = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }).toString();

const spki = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" });
const keyId = (key: KeyObject) => createHash("sha1").update(spki(key)).digest();
const name = (parts: Name) => seq(...parts.map(([id, text]) => der(0x31, seq(oid(id), der(0x0c, Buffer.from(text))))));

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return seq(oid(id), ...(critical ? [Buffer.from([0x01, 0x01, 0xff])] : []), der(0x04, value));
}

function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const length =
    body.length < 0x80 ? [body.length] : body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const seq = (...content: Buffer[]) => der(0x30, ...content);

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const groups = rest.flatMap((part) => {
    const bytes = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) bytes.unshift((left & 0x7f) | 0x80);
    return bytes;
  });
  return der(0x06, Buffer.from([first * 40 + second, ...groups]));
}

function utcTime(days: number): Buffer {
  const at = new Date(Date.now() + days * 86_400_000).toISOString();
  return der(0x17, Buffer.from(`${at.slice(2, 19).replace(/[-:T]/g, "")}Z`));
}
