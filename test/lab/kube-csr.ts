import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
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

/** PKCS #9 (RFC 2985, 5.4.2). */
const extensionRequest = "1.2.840.113549.1.9.14";

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
        : [new Attribute({ type: extensionRequest, values: [AsnConvert.serialize(new Extensions([wanted]))] })],
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

/** What a request asks for, as a signer reads it. */
export interface ReadCsr {
  readonly key: KeyObject;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
}

/** Reads the base64 of a request's PEM; `undefined` for what is none. */
export function readRequest(base64: string): ReadCsr | undefined {
  try {
    const der = Buffer.from(
      Buffer.from(base64, "base64")
        .toString("latin1")
        .replace(/-----[^-]+-----|\s/g, ""),
      "base64",
    );
    const { attributes, subject, subjectPKInfo } = AsnConvert.parse(der, CertificationRequest).certificationRequestInfo;
    const valuesOf = (type: string) => subject.flatMap((set) => [...set].filter((one) => one.type === type).map((one) => `${one.value}`));
    const extensions = attributes
      .filter(({ type }) => type === extensionRequest)
      .flatMap(({ values }) => values.flatMap((value) => [...AsnConvert.parse(value, Extensions)]));
    const wanted = extensions.find(({ extnID }) => extnID === id_ce_subjectAltName);
    const names = wanted ? [...AsnConvert.parse(wanted.extnValue, SubjectAlternativeName)] : [];
    return {
      key: createPublicKey({ key: Buffer.from(AsnConvert.serialize(subjectPKInfo)), format: "der", type: "spki" }),
      commonName: valuesOf("2.5.4.3")[0] ?? "",
      organizations: valuesOf("2.5.4.10"),
      dnsNames: names.flatMap(({ dNSName }) => dNSName ?? []),
      addresses: names.flatMap(({ iPAddress }) => iPAddress ?? []),
    };
  } catch {
    return undefined;
  }
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
