import { describe, expect, it } from "vitest";
import { composeMachineConfig, type MachineFacts, nvidiaModules } from "#adapters/machineconfig/mod.ts";
import { generated } from "#test/lab/generated-config.ts";

const schematic = "b8e8fbbe1b520989e6c52c8dc8303070cb42095997e76e812fa8892393e1d176";
const facts: MachineFacts = {
  hostname: "gpu-02",
  role: "worker",
  installer: { schematic, version: "v1.13.9" },
  disk: { serial: "S6B0NL0T123456" },
  labels: { "example.com/rack": "r1", "node-role.kubernetes.io/gpu": "" },
  taints: { "nvidia.com/gpu": "present:NoSchedule" },
  modules: nvidiaModules,
};
const pool =
  "machine: {kernel: {modules: [{name: nvidia, parameters: [NVreg_EnableResizableBar=1]}]}, sysctls: {vm.max_map_count: '262144'}}";
const own = "machine: {network: {interfaces: [{deviceSelector: {hardwareAddr: '3c:ec:ef:12:34:56'}, dhcp: true}]}}";
const mainOf = (composed: ReturnType<typeof composeMachineConfig>) =>
  composed.documents.find((one) => one.kind === undefined) as { machine: Record<string, unknown> };
const documentOf = (composed: ReturnType<typeof composeMachineConfig>, kind: string) => composed.documents.find((one) => one.kind === kind);

describe("a composed machine configuration", () => {
  it("is base, then pool, then machine, then what the inventory says", () => {
    const composed = composeMachineConfig({ base: generated("worker"), patches: [pool, own], facts });
    const { ca: _, token: __, ...machine } = mainOf(composed).machine;
    expect(machine).toMatchInlineSnapshot(`
      {
        "certSANs": [],
        "features": {
          "diskQuotaSupport": true,
          "kubePrism": {
            "enabled": true,
            "port": 7445,
          },
        },
        "install": {
          "diskSelector": {
            "serial": "S6B0NL0T123456",
          },
          "grubUseUKICmdline": true,
          "image": "factory.talos.dev/metal-installer/b8e8fbbe1b520989e6c52c8dc8303070cb42095997e76e812fa8892393e1d176:v1.13.9",
          "wipe": false,
        },
        "kernel": {
          "modules": [
            {
              "name": "nvidia",
              "parameters": [
                "NVreg_EnableResizableBar=1",
              ],
            },
            {
              "name": "nvidia_uvm",
            },
            {
              "name": "nvidia_drm",
            },
            {
              "name": "nvidia_modeset",
            },
          ],
        },
        "kubelet": {
          "defaultRuntimeSeccompProfileEnabled": true,
          "image": "ghcr.io/siderolabs/kubelet:v1.36.3",
        },
        "network": {
          "interfaces": [
            {
              "deviceSelector": {
                "hardwareAddr": "3c:ec:ef:12:34:56",
              },
              "dhcp": true,
            },
          ],
        },
        "nodeLabels": {
          "example.com/rack": "r1",
        },
        "sysctls": {
          "vm.max_map_count": "262144",
        },
        "type": "worker",
      }
    `);
    expect(documentOf(composed, "HostnameConfig")).toMatchObject({ hostname: "gpu-02", auto: "off" });
  });

  it("leaves to Kubernetes what a worker may not set itself", () => {
    expect(composeMachineConfig({ base: generated("worker"), facts }).viaKubernetes).toEqual({
      labels: { "node-role.kubernetes.io/gpu": "" },
      taints: { "nvidia.com/gpu": "present:NoSchedule" },
    });
    const control = composeMachineConfig({ base: generated("control-plane"), facts: { ...facts, role: "control-plane" } });
    expect(control.viaKubernetes).toEqual({ labels: {}, taints: {} });
    expect(mainOf(control).machine).toMatchObject({ nodeLabels: facts.labels, nodeTaints: facts.taints });
  });

  it("names the host in the old place where there is no document for it", () => {
    const composed = composeMachineConfig({ base: generated("worker", { documents: [] }), facts });
    expect(mainOf(composed).machine.network).toEqual({ hostname: "gpu-02" });
    expect(documentOf(composed, "HostnameConfig")).toBeUndefined();
  });

  it("uses the documents of 1.14 where the base has them", () => {
    const documents = [
      { apiVersion: "v1alpha1", kind: "HostnameConfig", auto: "stable" },
      { apiVersion: "v1alpha1", kind: "UnattendedInstallConfig", provisioning: { diskSelector: { match: 'disk.dev_path == "/dev/sda"' } } },
      { apiVersion: "v1alpha1", kind: "KubeNodeConfig", labels: { a: "b" } },
      { apiVersion: "v1alpha1", kind: "KernelModuleConfig", name: "nvidia" },
    ];
    const composed = composeMachineConfig({ base: generated("worker", { documents }), facts: { ...facts, disk: { wwid: 'naa."x"' } } });
    expect(documentOf(composed, "UnattendedInstallConfig")).toMatchObject({
      installer: { image: `factory.talos.dev/metal-installer/${schematic}:v1.13.9` },
      provisioning: { diskSelector: { match: 'disk.wwid == "naa.\\"x\\""' } },
    });
    expect(documentOf(composed, "KubeNodeConfig")).toMatchObject({ labels: { a: "b", "example.com/rack": "r1" } });
    expect(mainOf(composed).machine).toMatchObject({
      kernel: { modules: [{ name: "nvidia_uvm" }, { name: "nvidia_drm" }, { name: "nvidia_modeset" }] },
    });
    expect(mainOf(composed).machine.nodeLabels).toBeUndefined();
  });

  it("installs to the disk that is named and to no other that the base or a patch selects", () => {
    const patches = ["machine: {install: {diskSelector: {size: '>= 1TB', type: nvme}}}"];
    const { machine } = mainOf(composeMachineConfig({ base: generated("worker"), patches, facts }));
    expect(machine.install).toMatchObject({ diskSelector: { serial: "S6B0NL0T123456" } });
    expect(Object.keys(machine.install as object)).not.toContain("disk");
    expect(Object.keys((machine.install as { diskSelector: object }).diskSelector)).toEqual(["serial"]);
  });

  it("is the same when it is composed again from the same base", () => {
    const options = { base: generated("worker"), patches: [pool, own], facts };
    expect(composeMachineConfig(options).text).toBe(composeMachineConfig(options).text);
  });

  it.each([
    "- op: add\n  path: /machine\n  value: 1",
    '[{"op": "add", "path": "/a", "value": 1}]',
    "# a comment\n- op: remove\n  path: /a",
  ])("refuses the JSON patch %j", (patch) => {
    expect(() => composeMachineConfig({ base: generated("worker"), patches: [patch], facts })).toThrow(/^patch 1 is a JSON patch/);
  });

  it("says which part cannot be read", () => {
    expect(() => composeMachineConfig({ base: "a: [", facts })).toThrow(/^the base configuration cannot be read/);
    expect(() => composeMachineConfig({ base: "a: 1", patches: [own, "b: ["], facts })).toThrow(/^patch 2 cannot be read/);
  });
});
