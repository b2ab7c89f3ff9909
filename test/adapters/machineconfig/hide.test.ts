import { expect, it } from "vitest";
import { parseDocuments, shownDocuments } from "#adapters/machineconfig/mod.ts";
import { generated } from "#test/lab/generated-config.ts";

const shown = (text: string) => JSON.stringify(shownDocuments(parseDocuments(text)));

it("a configuration is shown without its secrets, and with all that is none", () => {
  const text = generated("control-plane");
  const secrets = [...text.matchAll(/LS0t\S+|[a-z0-9]{6}\.[a-z0-9]{16}|[A-Za-z0-9+/]{40,}=+/g)].map(([secret]) => secret);
  expect(new Set(secrets).size).toBeGreaterThan(5);
  for (const secret of secrets) expect(shown(text)).not.toContain(secret);
  for (const plain of [
    "ghcr.io/siderolabs/installer:v1.13.9",
    "https://10.0.10.10:6443",
    "controlplane",
    "HostnameConfig",
    "10.244.0.0/16",
  ]) {
    expect(shown(text)).toContain(plain);
  }
});

it.each([
  ["a file's content", "machine: {files: [{path: /x, content: S3CRET}]}"],
  ["an environment variable", "machine: {env: {PROXY: S3CRET}}"],
  ["a registry's password", "machine: {registries: {config: {a: {auth: {username: S3CRET, password: S3CRET}}}}}"],
  ["a header", "cluster: {extraManifestHeaders: {X-Any: S3CRET}}"],
  ["a user in a URL", "machine: {registries: {mirrors: {a: {endpoints: ['https://u:S3CRET@mirror.lan/v2']}}}}"],
  ["a query in a URL", "cluster: {extraManifests: ['https://x.lan/a.yaml?token=S3CRET']}"],
  ["an inline manifest", "cluster: {inlineManifests: [{name: a, contents: S3CRET}]}"],
  ["a key of WireGuard", "machine: {network: {interfaces: [{wireguard: {privateKey: S3CRET, peers: [{publicKey: S3CRET}]}}]}}"],
  ["a passphrase of a disk", "machine: {systemDiskEncryption: {ephemeral: {keys: [{static: {passphrase: S3CRET}}]}}}"],
  ["an extension's file", "{apiVersion: v1alpha1, kind: ExtensionServiceConfig, name: a, configFiles: [{content: S3CRET, mountPath: /a}]}"],
  ["a document of secrets", "{apiVersion: v1alpha1, kind: DiscoveryIdentityConfig, anything: S3CRET}"],
  ["a registry's document", "{apiVersion: v1alpha1, kind: RegistryAuthConfig, name: a, username: S3CRET, other: [S3CRET]}"],
  ["encryption of etcd", "{apiVersion: v1alpha1, kind: KubeEtcdEncryptionConfig, config: {x: S3CRET}}"],
  ["a PEM under any key", "machine: {anything: '-----BEGIN X-----S3CRET'}"],
])("hides %s", (_, text) => {
  expect(text).toContain("S3CRET");
  expect(shown(text)).not.toContain("S3CRET");
  expect(shown(text)).toContain("(hidden)");
});

it("shows where it hides", () => {
  expect(shownDocuments(parseDocuments("machine: {token: a, type: worker}"))).toEqual([{ machine: { token: "(hidden)", type: "worker" } }]);
});
