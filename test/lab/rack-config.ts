import { stringify } from "yaml";
import { composeMachineConfig, nvidiaModules } from "#adapters/machineconfig/mod.ts";
import { disksOf, type RackMachine, schematicOf } from "./rack-machine.ts";

const pem = (what: string) => Buffer.from(`-----BEGIN ${what}-----\nMCowBQYDK2VwAyEA\n-----END ${what}-----\n`).toString("base64");
const crt = pem("CERTIFICATE");
const key = pem("ED25519 PRIVATE KEY");

/**
 * A configuration for the rack's cluster as `talosctl gen config` writes it for Talos 1.13, with secrets that open nothing. Its kubelets ask
 * for their serving certificates, and no CNI comes with it.
 */
export function baseConfig(role: "control-plane" | "worker"): string {
  const controls = role === "control-plane";
  return stringify({
    version: "v1alpha1",
    persist: true,
    machine: {
      type: controls ? "controlplane" : "worker",
      token: "abcdef.0123456789abcdef",
      ca: { crt, ...(controls && { key }) },
      kubelet: { image: "ghcr.io/siderolabs/kubelet:v1.36.3", extraArgs: { "rotate-server-certificates": "true" } },
      network: {},
      install: { disk: "/dev/sda", image: "ghcr.io/siderolabs/installer:v1.13.9", wipe: false },
    },
    cluster: {
      id: "K0dsKFvGaRdUN3YVzK1fbNbmVqHKZeJf2dTkPJ8NdIM=",
      secret: "dGhlIHNlY3JldCBvZiBhIGNsdXN0ZXIgdGhhdCBpcyBub3Q=",
      controlPlane: { endpoint: "https://10.0.0.10:6443" },
      clusterName: "lab",
      network: { dnsDomain: "cluster.local", podSubnets: ["10.244.0.0/16"], serviceSubnets: ["10.96.0.0/12"], cni: { name: "none" } },
      token: "bcdefg.0123456789abcdef",
      ca: { crt, ...(controls && { key }) },
      ...(controls && {
        secretboxEncryptionSecret: "c2VjcmV0Ym94IHRoYXQgb3BlbnMgbm90aGluZyBhdCBhbGw=",
        aggregatorCA: { crt, key },
        serviceAccount: { key },
        etcd: { ca: { crt, key } },
      }),
    },
  });
}

/** The configuration of a machine of the rack that was installed before anybody looked. */
export function configOf(machine: RackMachine): string {
  const { name, role = "worker", version = "v1.13.9" } = machine;
  return composeMachineConfig({
    base: baseConfig(role),
    facts: {
      hostname: name,
      role,
      installer: { schematic: schematicOf(machine), version },
      disk: { serial: disksOf(machine)[0]?.serial ?? "" },
      ...((machine.gpus ?? 0) > 0 && { modules: nvidiaModules }),
    },
  }).text;
}
