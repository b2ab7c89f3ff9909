import { CertificationRequest } from "@peculiar/asn1-csr";
import { AsnConvert } from "@peculiar/asn1-schema";
import { Extensions, type GeneralName, id_ce_subjectAltName, type Name, SubjectAlternativeName } from "@peculiar/asn1-x509";
import type { ServingRequest } from "../port.ts";

/** PKCS #9 extensionRequest (RFC 2985, 5.4.2). */
const extensionRequest = "1.2.840.113549.1.9.14";
const commonName = "2.5.4.3";
const organization = "2.5.4.10";

/**
 * What a PKCS#10 request asks for (RFC 2986), from the base64 of its PEM as Kubernetes carries it. `undefined` for what cannot be read, and
 * for one that asks for alternative names twice: of two lists one might be judged and the other be signed.
 */
export function readCsr(base64: string): ServingRequest["csr"] {
  try {
    const pem = Buffer.from(base64, "base64").toString("latin1");
    const match = /^\s*-----BEGIN CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE REQUEST-----\s*$/.exec(pem);
    if (!match) return undefined;
    const { certificationRequestInfo } = AsnConvert.parse(Buffer.from(match[1] ?? "", "base64"), CertificationRequest);
    const { attributes, subject } = certificationRequestInfo;
    const extensions = attributes
      .filter(({ type }) => type === extensionRequest)
      .flatMap(({ values }) => values.flatMap((value) => [...AsnConvert.parse(value, Extensions)]));
    const lists = extensions.filter(({ extnID }) => extnID === id_ce_subjectAltName);
    if (lists.length > 1) return undefined;
    const names = lists.flatMap(({ extnValue }): GeneralName[] => [...AsnConvert.parse(extnValue, SubjectAlternativeName)]);
    const [cn, ...more] = valuesOf(subject, commonName);
    if (cn === undefined || more.length > 0) return undefined;
    return {
      commonName: cn,
      organizations: valuesOf(subject, organization),
      dnsNames: names.flatMap(({ dNSName }) => dNSName ?? []),
      addresses: names.flatMap(({ iPAddress }) => iPAddress ?? []),
      others: names.filter(({ dNSName, iPAddress }) => dNSName === undefined && iPAddress === undefined).length,
    };
  } catch {
    return undefined;
  }
}

const valuesOf = (name: Name, type: string): string[] =>
  name.flatMap((parts) => parts.filter((part) => part.type === type).map((part) => part.value.toString()));
