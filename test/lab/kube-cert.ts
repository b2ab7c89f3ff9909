import { generateKeyPairSync } from "node:crypto";
import { commonName, keyPem, makeCertificate } from "./certificate.ts";

/** A certificate and its key as PEM, and the CA that signed it. Made fresh at every start, good for nothing but a test. */
export interface LabCertificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes a CA and a server certificate for 127.0.0.1 and localhost. */
export function createLabCertificate(name: string): LabCertificate {
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const server = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issued = { issuer: [commonName(`${name} CA`)], issuerKey: authority.privateKey, days: [-1, 3650] } as const;
  return {
    ca: makeCertificate({ ...issued, subject: issued.issuer, subjectKey: authority.publicKey }),
    cert: makeCertificate({ ...issued, subject: [commonName(name)], subjectKey: server.publicKey, usage: "server" }),
    key: keyPem(server.privateKey),
  };
}
