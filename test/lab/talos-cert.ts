import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

type Days = readonly [number, number];

export interface TalosKeys {
  readonly cert: string;
  /** PKCS#8 under OpenSSL's label. */
  readonly key: string;
}

/** The Talos CA of a simulated cluster. Everything it issues is Ed25519, as Talos's is. */
export interface TalosAuthority {
  readonly ca: string;
  /** For a machine that is reached at 127.0.0.1. */
  server(name: string): TalosKeys;
  /** @param days validity, from days before now to days after it; default a year */
  client(roles: readonly string[], options?: { days?: Days }): TalosKeys;
  /** A talosconfig as `talosctl` writes it, the key under Talos's own label. */
  talosconfig(roles: readonly string[], options?: { days?: Days }): string;
}

export function createTalosAuthority(): TalosAuthority {
  const root = generateKeyPairSync("ed25519");
  const rootName = [["2.5.4.10", "talos"]] as const;
  const ca = certificate({ subject: rootName, issuer: rootName, subjectKey: root.publicKey, signKey: root.privateKey, days: [-1, 3650] });
  const issue = (subject: Name, days: readonly [number, number], usage: "client" | "server"): TalosKeys => {
    const pair = generateKeyPairSync("ed25519");
    const cert = certificate({ subject, issuer: rootName, subjectKey: pair.publicKey, signKey: root.privateKey, days, usage });
    return { cert, key: pem("PRIVATE KEY", pair.privateKey.export({ type: "pkcs8", format: "der" })) };
  };
  const client: TalosAuthority["client"] = (roles, { days = [-1, 365] as Days } = {}) =>
    issue(
      roles.map((role) => ["2.5.4.10", role] as const),
      days,
      "client",
    );
  return {
    ca,
    server: (name) => issue([["2.5.4.3", name]], [-1, 365], "server"),
    client,
    talosconfig(roles, options) {
      const { cert, key } = client(roles, options);
      const base64 = (text: string) => Buffer.from(text).toString("base64");
      const labelled = key.replaceAll("PRIVATE KEY", "ED25519 PRIVATE KEY");
      return [
        "context: lab",
        "contexts:",
        "    lab:",
        "        endpoints:",
        "            - 127.0.0.1",
        `        ca: ${base64(ca)}`,
        `        crt: ${base64(cert)}`,
        `        key: ${base64(labelled)}`,
        "",
      ].join("\n");
    },
  };
}

/** The throw-away certificate with which a machine without a configuration serves. */
export function createMaintenanceCertificate(): TalosKeys & { readonly fingerprint: string } {
  const pair = generateKeyPairSync("ed25519");
  const name = [["2.5.4.3", "maintenance-service.talos.dev"]] as const;
  const cert = certificate({
    subject: name,
    issuer: name,
    subjectKey: pair.publicKey,
    signKey: pair.privateKey,
    days: [-1, 1],
    usage: "server",
  });
  const spki = pair.publicKey.export({ type: "spki", format: "der" });
  const key = pem("PRIVATE KEY", pair.privateKey.export({ type: "pkcs8", format: "der" }));
  return { cert, key, fingerprint: createHash("sha256").update(spki).digest("base64") };
}

type Name = readonly (readonly [string, string])[];

/** RFC 5280 §4.1 with the Ed25519 of RFC 8410. */
function certificate(parts: {
  subject: Name;
  issuer: Name;
  subjectKey: KeyObject;
  signKey: KeyObject;
  days: readonly [number, number];
  usage?: "client" | "server";
}): string {
  const ed25519 = seq(oid("1.3.101.112"));
  const extensions = [
    extension("2.5.29.19", true, parts.usage ? seq() : seq(Buffer.from([0x01, 0x01, 0xff]))),
    extension("2.5.29.15", true, Buffer.from(parts.usage ? [0x03, 0x02, 0x07, 0x80] : [0x03, 0x02, 0x01, 0x06])),
  ];
  if (parts.usage) extensions.push(extension("2.5.29.37", false, seq(oid(`1.3.6.1.5.5.7.3.${parts.usage === "server" ? 1 : 2}`))));
  if (parts.usage === "server") {
    extensions.push(extension("2.5.29.17", false, seq(der(0x82, Buffer.from("localhost")), der(0x87, Buffer.from([127, 0, 0, 1])))));
  }
  const tbs = seq(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ed25519,
    nameOf(parts.issuer),
    seq(...parts.days.map(utcTime)),
    nameOf(parts.subject),
    parts.subjectKey.export({ type: "spki", format: "der" }),
    der(0xa3, seq(...extensions)),
  );
  const signature = sign(null, tbs, parts.signKey);
  return pem("CERTIFICATE", seq(tbs, ed25519, der(0x03, Buffer.concat([Buffer.from([0]), signature]))));
}

function pem(label: string, body: Buffer): string {
  const lines = body.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const { length } = body;
  return Buffer.concat([
    Buffer.from(length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff]),
    body,
  ]);
}

const seq = (...content: Buffer[]) => der(0x30, ...content);
const nameOf = (name: Name) => seq(...name.map(([id, text]) => der(0x31, seq(oid(id), der(0x0c, Buffer.from(text))))));
const extension = (id: string, critical: boolean, value: Buffer) =>
  seq(oid(id), ...(critical ? [Buffer.from([0x01, 0x01, 0xff])] : []), der(0x04, value));

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
