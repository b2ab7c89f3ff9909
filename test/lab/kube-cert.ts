import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** A certificate and its key as PEM, and the CA that signed it. Made fresh at every start, good for nothing but a test. */
export interface LabCertificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * Makes a CA and a server certificate for 127.0.0.1 and localhost. Node can read certificates but not make them, and a
 * key in the repository would have to be explained to every secret scanner, hence the few lines of DER (RFC 5280 §4.1).
 */
export function createLabCertificate(commonName: string): LabCertificate {
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const server = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const caName = `${commonName} CA`;
  const ca = certificate({ subject: caName, issuer: caName, subjectKey: authority.publicKey, issuerKey: authority, isCa: true });
  const cert = certificate({ subject: commonName, issuer: caName, subjectKey: server.publicKey, issuerKey: authority, isCa: false });
  return { ca, cert, key: server.privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

interface CertificateParts {
  subject: string;
  issuer: string;
  subjectKey: KeyObject;
  issuerKey: { publicKey: KeyObject; privateKey: KeyObject };
  isCa: boolean;
}

function certificate({ subject, issuer, subjectKey, issuerKey, isCa }: CertificateParts): string {
  const spki = subjectKey.export({ type: "spki", format: "der" });
  const issuerId = keyId(issuerKey.publicKey.export({ type: "spki", format: "der" }));
  const ecdsaWithSha256 = seq(oid("1.2.840.10045.4.3.2"));
  const extensions = [
    extension("2.5.29.19", true, isCa ? seq(Buffer.from([0x01, 0x01, 0xff])) : seq()),
    extension("2.5.29.15", true, Buffer.from(isCa ? [0x03, 0x02, 0x01, 0x06] : [0x03, 0x02, 0x07, 0x80])),
    extension("2.5.29.14", false, der(0x04, keyId(spki))),
    extension("2.5.29.35", false, seq(der(0x80, issuerId))),
  ];
  if (!isCa) {
    extensions.push(
      extension("2.5.29.37", false, seq(oid("1.3.6.1.5.5.7.3.1"))),
      extension("2.5.29.17", false, seq(der(0x82, Buffer.from("localhost")), der(0x87, Buffer.from([127, 0, 0, 1])))),
    );
  }
  const serial = randomBytes(15);
  const tbs = seq(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), serial])),
    ecdsaWithSha256,
    name(issuer),
    seq(utcTime(-1), utcTime(3650)),
    name(subject),
    spki,
    der(0xa3, seq(...extensions)),
  );
  const signature = sign("sha256", tbs, issuerKey.privateKey);
  const whole = seq(tbs, ecdsaWithSha256, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const length =
    body.length < 0x80 ? [body.length] : body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const seq = (...content: Buffer[]) => der(0x30, ...content);
const keyId = (spki: Buffer) => createHash("sha1").update(spki).digest();
const name = (commonName: string) => seq(der(0x31, seq(oid("2.5.4.3"), der(0x0c, Buffer.from(commonName)))));

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return seq(oid(id), ...(critical ? [Buffer.from([0x01, 0x01, 0xff])] : []), der(0x04, value));
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(0x06, Buffer.from(bytes));
}

function utcTime(days: number): Buffer {
  const at = new Date(Date.now() + days * 86_400_000).toISOString();
  return der(0x17, Buffer.from(`${at.slice(2, 19).replace(/[-:T]/g, "")}Z`));
}
