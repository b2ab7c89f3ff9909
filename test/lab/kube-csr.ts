import { generateKeyPairSync, sign } from "node:crypto";
import { Attributes, CertificationRequest, CertificationRequestInfo } from "@peculiar/asn1-csr";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  Attribute,
  AttributeTypeAndValue,
  AttributeValue,
  Extension,
  Extensions,
  GeneralName,
  id_ce_subjectAltName,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
} from "@peculiar/asn1-x509";
import type { KubeObject } from "./kube-objects.ts";

/** What a kubelet puts into its request, and what a liar puts into theirs. */
export interface CsrSubject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly addresses?: readonly string[];
  readonly emails?: readonly string[];
}

/** A signed PKCS#10 request as the base64 of its PEM, as Kubernetes carries it. */
export function createCsr({ commonName, organizations = ["system:nodes"], ...names }: CsrSubject): string {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const part = (type: string, utf8String: string) =>
    new RelativeDistinguishedName([new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String }) })]);
  const alternatives = new SubjectAlternativeName([
    ...(names.dnsNames ?? []).map((dNSName) => new GeneralName({ dNSName })),
    ...(names.addresses ?? []).map((iPAddress) => new GeneralName({ iPAddress })),
    ...(names.emails ?? []).map((rfc822Name) => new GeneralName({ rfc822Name })),
  ]);
  const wanted = new Extension({ extnID: id_ce_subjectAltName, extnValue: new OctetString(AsnConvert.serialize(alternatives)) });
  const info = new CertificationRequestInfo({
    subject: new Name([...organizations.map((one) => part("2.5.4.10", one)), part("2.5.4.3", commonName)]),
    subjectPKInfo: AsnConvert.parse(publicKey.export({ type: "spki", format: "der" }), SubjectPublicKeyInfo),
    attributes: new Attributes(
      alternatives.length === 0
        ? []
        : [new Attribute({ type: "1.2.840.113549.1.9.14", values: [AsnConvert.serialize(new Extensions([wanted]))] })],
    ),
  });
  const signature = sign("sha256", Buffer.from(AsnConvert.serialize(info)), privateKey);
  const request = new CertificationRequest({
    certificationRequestInfo: info,
    // ecdsa-with-SHA256
    signatureAlgorithm: new AlgorithmIdentifier({ algorithm: "1.2.840.10045.4.3.2" }),
    signature: new Uint8Array(signature).buffer,
  });
  const base64 = Buffer.from(AsnConvert.serialize(request)).toString("base64");
  const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${base64.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE REQUEST-----\n`;
  return Buffer.from(pem).toString("base64");
}

/** A CertificateSigningRequest as a kubelet makes it for its serving certificate. */
export function servingRequest(options: { name: string; node: string; request: string; spec?: object }): KubeObject {
  const { name, node, request, spec = {} } = options;
  return {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name },
    spec: {
      signerName: "kubernetes.io/kubelet-serving",
      username: `system:node:${node}`,
      groups: ["system:nodes", "system:authenticated"],
      usages: ["digital signature", "key encipherment", "server auth"],
      request,
      ...spec,
    },
  } as KubeObject;
}
