import { stringify } from "yaml";

const pem = (what: string) => Buffer.from(`-----BEGIN ${what}-----\nMCowBQYDK2VwAyEA\n-----END ${what}-----\n`).toString("base64");
const crt = pem("CERTIFICATE");
const key = pem("ED25519 PRIVATE KEY");

/** A configuration such as `talosctl gen config` writes it for 1.13, with secrets that open nothing. */
export function generated(role: "worker" | "control-plane", more: { readonly documents?: readonly object[] } = {}): string {
  const controls = role === "control-plane";
  const main = {
    version: "v1alpha1",
    debug: false,
    persist: true,
    machine: {
      type: controls ? "controlplane" : "worker",
      token: "abcdef.0123456789abcdef",
      ca: { crt, ...(controls && { key }) },
      certSANs: [],
      kubelet: { image: "ghcr.io/siderolabs/kubelet:v1.36.3", defaultRuntimeSeccompProfileEnabled: true },
      network: {},
      install: { disk: "/dev/sda", image: "ghcr.io/siderolabs/installer:v1.13.9", wipe: false, grubUseUKICmdline: true },
      features: { diskQuotaSupport: true, kubePrism: { enabled: true, port: 7445 } },
    },
    cluster: {
      id: "K0dsKFvGaRdUN3YVzK1fbNbmVqHKZeJf2dTkPJ8NdIM=",
      secret: "dGhlIHNlY3JldCBvZiBhIGNsdXN0ZXIgdGhhdCBpcyBub3Q=",
      controlPlane: { endpoint: "https://10.0.10.10:6443" },
      clusterName: "lab",
      network: { dnsDomain: "cluster.local", podSubnets: ["10.244.0.0/16"], serviceSubnets: ["10.96.0.0/12"] },
      token: "bcdefg.0123456789abcdef",
      ca: { crt, ...(controls && { key }) },
      ...(controls && {
        secretboxEncryptionSecret: "c2VjcmV0Ym94IHRoYXQgb3BlbnMgbm90aGluZyBhdCBhbGw=",
        aggregatorCA: { crt, key },
        serviceAccount: { key },
        etcd: { ca: { crt, key } },
      }),
    },
  };
  const documents = more.documents ?? [{ apiVersion: "v1alpha1", kind: "HostnameConfig", auto: "stable" }];
  return [main, ...documents].map((document) => stringify(document)).join("---\n");
}
