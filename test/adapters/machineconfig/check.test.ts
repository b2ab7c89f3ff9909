import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkMachineConfig,
  composeMachineConfig,
  type Expected,
  nvidiaModules,
  parseDocuments,
  patchDocuments,
} from "#adapters/machineconfig/mod.ts";
import { generated } from "#test/lab/generated-config.ts";

const schematic = "b8e8fbbe1b520989e6c52c8dc8303070cb42095997e76e812fa8892393e1d176";
const nvidia = ["siderolabs/nvidia-open-gpu-kernel-modules-lts", "siderolabs/nvidia-container-toolkit-lts"];
const expected: Expected = { hostname: "gpu-02", version: "v1.13.9", schematic, extensions: [], kernelArgs: [], dhcpHostname: false };

const good = (role: "worker" | "control-plane") =>
  composeMachineConfig({
    base: generated(role),
    facts: { hostname: "gpu-02", role, installer: { schematic, version: "v1.13.9" }, disk: { serial: "S6B0NL0T123456" } },
  }).documents;
const codes = (role: "worker" | "control-plane", patch: string, more: Expected = {}) =>
  checkMachineConfig(patchDocuments(good(role), parseDocuments(patch)), { ...expected, ...more }).map(({ code }) => code);

describe("a machine configuration", () => {
  it.each(["worker", "control-plane"] as const)("of a %s that is right has no problems", (role) => {
    expect(checkMachineConfig(good(role), { ...expected, role })).toEqual([]);
  });

  it("as it is generated, without what makes it a machine's own, has them", () => {
    expect(checkMachineConfig(generated("worker"), expected)).toMatchInlineSnapshot(`
      [
        {
          "code": "installer-stock",
          "fix": "Write factory.talos.dev/metal-installer/b8e8fbbe1b520989e6c52c8dc8303070cb42095997e76e812fa8892393e1d176:v1.13.9",
          "level": "error",
          "message": "This installer has no schematic: extensions are gone after the install",
          "path": "machine.install.image",
        },
        {
          "code": "hostname-other",
          "fix": "Set gpu-02",
          "level": "error",
          "message": "Nothing says the name gpu-02",
          "path": "HostnameConfig",
        },
        {
          "code": "disk-by-name",
          "fix": "Name the disk by what it carries: diskSelector with serial or wwid (talosctl get disks -o yaml)",
          "level": "warning",
          "message": "Disk names change between boots: this may become another disk",
          "path": "machine.install.disk",
        },
      ]
    `);
  });

  const del = "{$patch: delete}";
  const image = (text: string) => `machine: {install: {image: '${text}'}}`;
  it.each<["worker" | "control-plane", string, string[], Expected?]>([
    // Secrets.
    ["worker", `machine: {token: ${del}}`, ["secret-missing"]],
    ["worker", `machine: {ca: ${del}}`, ["secret-missing"]],
    ["worker", `cluster: {id: ${del}, secret: ${del}, token: ${del}, ca: ${del}}`, Array(4).fill("secret-missing")],
    ["worker", "machine: {token: '******'}", ["secret-placeholder"]],
    ["worker", `machine: {token: '\${TOKEN}'}`, ["secret-placeholder"]],
    ["worker", "machine: {ca: {crt: bm90IGEgUEVN}}", ["secret-form"]],
    ["worker", "cluster: {token: short}", ["secret-form"]],
    ["worker", "machine: {ca: {key: x}}", ["secret-foreign"]],
    ["worker", "cluster: {etcd: {ca: {crt: x}}, aescbcEncryptionSecret: x}", ["secret-foreign", "secret-foreign"]],
    ["control-plane", `machine: {ca: {key: ${del}}}`, ["secret-missing"]],
    ["control-plane", `cluster: {etcd: ${del}, serviceAccount: ${del}, aggregatorCA: ${del}}`, Array(5).fill("secret-missing")],
    ["control-plane", `cluster: {secretboxEncryptionSecret: ${del}}`, ["secret-missing"]],
    ["control-plane", "cluster: {secretboxEncryptionSecret: REDACTED}", ["secret-placeholder"]],
    [
      "control-plane",
      `cluster: {serviceAccount: ${del}}\n---\n{apiVersion: v1alpha1, kind: KubeServiceAccountConfig, key: x}`,
      ["installer-version"],
      { version: "v1.14.0" },
    ],
    // Install.
    ["worker", image("ghcr.io/siderolabs/installer:v1.13.9"), ["installer-stock"]],
    ["worker", image("ghcr.io/siderolabs/installer:v1.14.0"), ["installer-stock", "installer-gone"], { version: "v1.14.0" }],
    ["worker", image(`factory.talos.dev/metal-installer/${"0".repeat(64)}:v1.13.9`), ["installer-schematic"]],
    ["worker", image(`factory.talos.dev/metal-installer/${schematic}:v1.13.8`), ["installer-version"]],
    ["worker", image(`factory.talos.dev/metal-installer/${schematic}:latest`), ["installer-tag"]],
    ["worker", image(`mirror.lan:5000/installer-secureboot/${schematic}:v1.13.9`), []],
    ["worker", `machine: {install: {image: ${del}}}`, ["installer-missing"]],
    ["worker", `machine: {install: ${del}}`, ["install-missing"]],
    ["worker", `machine: {install: {diskSelector: ${del}}}`, ["disk-missing"]],
    ["worker", `machine: {install: {diskSelector: ${del}, disk: /dev/nvme0n1}}`, ["disk-by-name"]],
    ["worker", `machine: {install: {diskSelector: ${del}, disk: /dev/disk/by-id/nvme-x}}`, []],
    ["worker", "machine: {install: {disk: /dev/sda}}", ["disk-twice"]],
    ["worker", "machine: {install: {extraKernelArgs: [a=b]}}", ["args-refused"]],
    ["worker", "machine: {install: {extraKernelArgs: [a=b], grubUseUKICmdline: false}}", ["args-ignored"]],
    [
      "worker",
      `machine: {install: ${del}}\n---\n{apiVersion: v1alpha1, kind: UnattendedInstallConfig, provisioning: {diskSelector: {match: 'disk.dev_path == "/dev/sda"'}}}`,
      ["installer-missing", "disk-by-name"],
      { version: "v1.14.0" },
    ],
    [
      "worker",
      `{apiVersion: v1alpha1, kind: UnattendedInstallConfig, installer: {image: 'factory.talos.dev/metal-installer/${schematic}:v1.13.9'}}`,
      ["document-early", "install-twice", "disk-missing"],
    ],
    // NVIDIA.
    ["worker", `machine: {kernel: {modules: [{name: nvidia}]}}`, ["nvidia-driver"]],
    ["worker", `machine: {kernel: {modules: [{name: nvidia}]}}`, [], { extensions: nvidia }],
    ["worker", "machine: {}", ["nvidia-modules"], { extensions: nvidia }],
    ["worker", `machine: {kernel: {modules: [{name: nvidia}]}}`, ["nvidia-toolkit"], { extensions: nvidia.slice(0, 1) }],
    [
      "worker",
      `machine: {kernel: {modules: [{name: nvidia}]}}`,
      ["nvidia-branches"],
      { extensions: ["siderolabs/nonfree-kmod-nvidia-production", "siderolabs/nvidia-container-toolkit-lts"] },
    ],
    // Names.
    ["worker", "machine: {network: {hostname: gpu-02}}", ["hostname-twice"]],
    ["worker", "{apiVersion: v1alpha1, kind: HostnameConfig, auto: stable}", ["hostname-auto"]],
    ["worker", "{apiVersion: v1alpha1, kind: HostnameConfig, hostname: gpu-03}", ["hostname-other"]],
    ["worker", "{apiVersion: v1alpha1, kind: HostnameConfig, hostname: GPU_02}", ["hostname-form", "hostname-other"]],
    ["worker", `{apiVersion: v1alpha1, kind: HostnameConfig, hostname: ${del}, auto: ${del}}`, ["hostname-empty", "hostname-other"]],
    ["worker", "machine: {}", ["hostname-dhcp"], { dhcpHostname: true }],
    ["worker", "machine: {}", ["document-early", "installer-version"], { version: "v1.11.6" }],
    // The network.
    ["control-plane", "machine: {network: {interfaces: [{interface: eth0, dhcp: true, vip: {ip: 10.0.10.10}}]}}", ["vip-on-eth"]],
    [
      "control-plane",
      "machine: {network: {interfaces: [{interface: eth0, dhcp: true, vip: {ip: 10.0.10.10}}]}}",
      [],
      { kernelArgs: ["net.ifnames=0"] },
    ],
    ["control-plane", "machine: {network: {interfaces: [{deviceSelector: {physical: true}, vip: {ip: 10.0.10.10}}]}}", []],
    [
      "worker",
      "machine: {network: {interfaces: [{deviceSelector: {physical: true}, vlans: [{vlanId: 5, vip: {ip: 10.0.10.10}}]}]}}",
      ["vip-on-worker"],
    ],
    ["control-plane", "{apiVersion: v1alpha1, kind: Layer2VIPConfig, name: 10.0.10.10, link: eth0}", ["vip-on-eth"]],
    ["worker", "machine: {network: {interfaces: [{interface: eth0, dhcp: true}]}}", ["interface-eth"]],
    ["worker", "machine: {network: {interfaces: [{dhcp: true}]}}", ["interface-none"]],
    ["worker", "machine: {network: {interfaces: [{interface: enp1s0, deviceSelector: {physical: true}}]}}", ["interface-both"]],
    // Kubernetes.
    ["worker", "machine: {nodeLabels: {node-role.kubernetes.io/gpu: ''}}", ["label-protected"]],
    ["control-plane", "machine: {nodeLabels: {node-role.kubernetes.io/gpu: ''}, nodeTaints: {a: b:NoSchedule}}", []],
    ["worker", "machine: {nodeTaints: {a: b:NoSchedule}}", ["taint-on-worker"]],
    ["control-plane", "machine: {nodeTaints: {a: NoSchedule, b: 'x:Never'}}", ["taint-form", "taint-form"]],
    [
      "control-plane",
      "machine: {nodeLabels: {a: b}}\n---\n{apiVersion: v1alpha1, kind: KubeNodeConfig, labels: {a: c}}",
      ["document-early", "node-twice"],
    ],
    ["worker", "cluster: {controlPlane: {endpoint: 10.0.10.10}}", ["endpoint"]],
    ["worker", `cluster: {controlPlane: ${del}}`, ["endpoint"]],
    // Documents.
    ["worker", "{apiVersion: v1alpha1, kind: NoSuchConfig}", ["document-unknown"]],
    ["worker", "{apiVersion: v2, kind: VolumeConfig, name: EPHEMERAL}", ["document-form"]],
    ["worker", "machine: {type: router}", ["type"]],
    ["worker", "machine: {}", ["role"], { role: "control-plane" }],
  ])("of a %s with %j: %j", (role, patch, found, more) => {
    expect(codes(role, patch, more ?? {})).toEqual(found);
  });

  it("listed twice by a patch that was applied twice is found out", () => {
    const twice = `machine: {network: {interfaces: [{interface: enp1s0}, {interface: enp1s0}]}}`;
    expect(
      checkMachineConfig(
        [...good("worker")].map((one) => (one.kind ? one : { ...one, ...merged(one, twice) })),
        expected,
      ).map(({ code }) => code),
    ).toEqual(["interface-twice"]);
  });

  const merged = (one: object, patch: string) => {
    const [more] = parseDocuments(patch) as [{ machine: object }];
    return { machine: { ...(one as { machine: object }).machine, ...more.machine } };
  };

  it.each([
    ["", "incomplete"],
    ["{apiVersion: v1alpha1, kind: KmsgLogConfig, name: x, url: 'tcp://10.0.0.1:4000'}", "incomplete"],
    ["a: [", "unreadable"],
    ["machine: {type: worker}\n---\nmachine: {type: worker}", "unreadable"],
  ])("that is %j is %s", (text, code) => {
    expect(checkMachineConfig(text).map((one) => one.code)).toEqual([code]);
  });

  it("says no secret in any message, and errors first", () => {
    const text = generated("control-plane")
      .replaceAll("abcdef.0123456789abcdef", "top-secret-token")
      .replaceAll(/crt: .*/g, "crt: top-secret-crt");
    const problems = checkMachineConfig(text, expected);
    expect(JSON.stringify(problems)).not.toContain("top-secret");
    expect(problems.map(({ level }) => level)).toEqual(problems.map(({ level }) => level).toSorted());
  });

  it("is judged whatever it holds", () => {
    const word = fc.constantFrom(
      ..."machine cluster type worker controlplane network interfaces interface vip ip install image disk kernel modules name ca crt key nodeTaints nodeLabels hostname auto kind apiVersion v1alpha1 HostnameConfig UnattendedInstallConfig KubeNodeConfig provisioning diskSelector match vlans eth0".split(
        " ",
      ),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 5 }, word, fc.constant(null), fc.integer(), fc.array(tie("tree"), { maxLength: 3 }), tie("map")),
      map: fc.dictionary(word, tie("tree"), { maxKeys: 5, noNullPrototype: true }),
    }));
    const documents = fc.array(fc.dictionary(word, tree, { maxKeys: 6, noNullPrototype: true }), { maxLength: 3 });
    const near = fc
      .dictionary(word, tree, { maxKeys: 6, noNullPrototype: true })
      .map((machine) => [{ machine: { ...machine, type: "worker" } }]);
    fc.assert(
      fc.property(fc.oneof(documents, near), (all) => {
        expect(checkMachineConfig(all, expected).some(({ level }) => level === "error")).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

it("NVIDIA's modules, composed for a machine with the extensions, are right", () => {
  const composed = composeMachineConfig({
    base: generated("worker"),
    facts: {
      hostname: "gpu-02",
      role: "worker",
      installer: { schematic, version: "v1.13.9" },
      disk: { serial: "S1" },
      modules: nvidiaModules,
    },
  });
  expect(checkMachineConfig(composed.text, { ...expected, extensions: nvidia })).toEqual([]);
});
