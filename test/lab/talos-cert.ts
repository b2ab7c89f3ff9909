import { createHash, generateKeyPairSync } from "node:crypto";
import { commonName, type Days, keyPem, makeCertificate, type Name, organization } from "./certificate.ts";

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
  const issuer = [organization("talos")];
  const ca = makeCertificate({ subject: issuer, issuer, subjectKey: root.publicKey, issuerKey: root.privateKey, days: [-1, 3650] });
  const issue = (subject: Name, days: Days, usage: "client" | "server"): TalosKeys => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const cert = makeCertificate({ subject, issuer, subjectKey: publicKey, issuerKey: root.privateKey, days, usage });
    return { cert, key: keyPem(privateKey) };
  };
  const client: TalosAuthority["client"] = (roles, { days = [-1, 365] as Days } = {}) => issue(roles.map(organization), days, "client");
  return {
    ca,
    server: (name) => issue([commonName(name)], [-1, 365], "server"),
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
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const subject = [commonName("maintenance-service.talos.dev")];
  const cert = makeCertificate({ subject, issuer: subject, subjectKey: publicKey, issuerKey: privateKey, days: [-1, 1], usage: "server" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  return { cert, key: keyPem(privateKey), fingerprint: createHash("sha256").update(spki).digest("base64") };
}
