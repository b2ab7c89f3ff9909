import { generateKeyPairSync, randomBytes } from "node:crypto";
import { commonName, makeCertificate, organization } from "./certificate.ts";
import { createCsr, readRequest, servingRequest } from "./kube-csr.ts";
import type { KubeNodes } from "./kube-nodes.ts";
import type { KubeObject } from "./kube-objects.ts";
import type { KubeStore } from "./kube-store.ts";

type Request = KubeObject & {
  spec: { request: string; signerName: string; username?: string };
  status?: { conditions?: { type: string; status: string; reason?: string; message?: string }[]; certificate?: string };
};

/** Kubelets that ask for their serving certificates, and the signer that gives them to those who were approved. */
export interface KubeCertificates {
  /** Of the certificates that are given out, as PEM. */
  readonly ca: string;
  tick(): void;
}

/** A kubelet asks again when nobody has decided for so long (k8s.io/client-go util/certificate). */
const PATIENCE_MS = 900_000;

export function createKubeCertificates(options: { store: KubeStore; nodes: KubeNodes; mono: () => number }): KubeCertificates {
  const { store, nodes, mono } = options;
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = [commonName("kubernetes")];
  const ca = makeCertificate({
    subject: issuer,
    issuer,
    subjectKey: authority.publicKey,
    issuerKey: authority.privateKey,
    days: [-1, 3650],
  });
  const asked = new Map<string, { readonly name: string; readonly at: number; readonly boot: string }>();
  const requestOf = (name: string) => store.get("certificatesigningrequests", name) as Request | undefined;

  const ask = () => {
    for (const { address, host, kubelet } of nodes.working()) {
      if (!kubelet.asks) continue;
      const last = asked.get(kubelet.node);
      const open = last && last.boot === host.bootId() && mono() - last.at < PATIENCE_MS ? requestOf(last.name) : undefined;
      if (open?.status?.certificate !== undefined) {
        kubelet.certified();
        continue;
      }
      if (open && !open.status?.conditions?.some(({ type }) => type === "Denied" || type === "Failed")) continue;
      const name = `csr-${randomBytes(3).toString("hex")}`;
      const request = createCsr({ commonName: `system:node:${kubelet.node}`, dnsNames: [kubelet.node], addresses: [address] });
      asked.set(kubelet.node, { name, at: mono(), boot: host.bootId() });
      store.put("certificatesigningrequests", servingRequest({ name, node: kubelet.node, request }));
    }
  };
  const sign = () => {
    for (const found of store.list("certificatesigningrequests") as Request[]) {
      const { conditions = [], certificate } = found.status ?? {};
      if (certificate !== undefined || found.spec.signerName !== "kubernetes.io/kubelet-serving") continue;
      if (
        !conditions.some(({ type, status }) => type === "Approved" && status === "True") ||
        conditions.some(({ type }) => type === "Failed")
      )
        continue;
      store.put("certificatesigningrequests", { ...found, status: judged(found, conditions) } as KubeObject);
    }
  };
  const judged = ({ spec }: Request, conditions: NonNullable<NonNullable<Request["status"]>["conditions"]>) => {
    const csr = readRequest(spec.request);
    // The signer's own rules (kubernetes.io/kubelet-serving), whoever approved.
    const named = csr !== undefined && csr.dnsNames.length + csr.addresses.length > 0;
    if (!named || csr.commonName !== spec.username || !csr.organizations.includes("system:nodes")) {
      const message = "the request is not a kubelet's";
      return { conditions: [...conditions, { type: "Failed", status: "True", reason: "SignerValidationFailure", message }] };
    }
    const certificate = makeCertificate({
      subject: [organization("system:nodes"), commonName(csr.commonName)],
      issuer,
      subjectKey: csr.key,
      issuerKey: authority.privateKey,
      days: [-1, 365],
      usage: "server",
      names: csr,
    });
    return { conditions, certificate: Buffer.from(certificate).toString("base64") };
  };
  return {
    ca,
    tick() {
      sign();
      ask();
    },
  };
}
