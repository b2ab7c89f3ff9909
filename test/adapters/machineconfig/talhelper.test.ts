import fc from "fast-check";
import { expect, it } from "vitest";
import { importTalhelper } from "#adapters/machineconfig/mod.ts";
import { LightsoutError } from "#events";

const talconfig = `
clusterName: lab
endpoint: https://10.0.10.10:6443
talosVersion: v1.13.9
kubernetesVersion: v1.36.3
patches:
  - |-
    machine: {sysctls: {vm.max_map_count: "262144"}}
nodes:
  - hostname: cp-01
    ipAddress: 10.0.10.11, fd00::11
    controlPlane: true
    installDiskSelector: {serial: S1}
    networkInterfaces:
      - deviceSelector: {hardwareAddr: "3C:EC:EF:12:34:01"}
        vip: {ip: 10.0.10.10}
      - interface: bond0
        bond: {mode: 802.3ad, deviceSelectors: [{permanentAddr: "3c:ec:ef:12:34:02"}, {hardwareAddr: "3c:ec:*"}]}
  - hostname: gpu-02
    ipAddress: 10.0.10.22
    installDisk: /dev/nvme0n1
    nodeLabels: {example.com/rack: r1, count: 2}
    schematic:
      customization: {systemExtensions: {officialExtensions: [siderolabs/gvisor]}}
    patches: ["@./patches/gpu.yaml"]
  - hostname: worker-03
    ipAddress: 10.0.10.23
    installDisk: /dev/sda
    imageSchematic: 376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba
    overridePatches: true
    ignoreHostname: true
worker:
  nodeLabels: {group: worker}
  nodeTaints: {dedicated: gpu:NoSchedule}
  kernelModules: [{name: nvidia}]
  schematic: {customization: {extraKernelArgs: [noapic, nolapic]}}
  patches: ["machine: {time: {servers: ['{{ .x }}']}}"]
`;

it("takes over machines, their groups' settings, and says what it cannot", () => {
  expect(importTalhelper(talconfig)).toMatchInlineSnapshot(`
    {
      "clusterName": "lab",
      "endpoint": "https://10.0.10.10:6443",
      "kubernetesVersion": "v1.36.3",
      "machines": [
        {
          "addresses": [
            "10.0.10.11",
            "fd00::11",
          ],
          "file": "clusterconfig/lab-cp-01.yaml",
          "installDiskSelector": {
            "serial": "S1",
          },
          "labels": {},
          "macs": [
            "3c:ec:ef:12:34:01",
            "3c:ec:ef:12:34:02",
          ],
          "modules": [],
          "name": "cp-01",
          "patches": [
            "machine: {sysctls: {vm.max_map_count: "262144"}}",
          ],
          "role": "control-plane",
          "taints": {},
        },
        {
          "addresses": [
            "10.0.10.22",
          ],
          "file": "clusterconfig/lab-gpu-02.yaml",
          "installDisk": "/dev/nvme0n1",
          "labels": {
            "count": "2",
            "example.com/rack": "r1",
          },
          "macs": [],
          "modules": [
            "nvidia",
          ],
          "name": "gpu-02",
          "patches": [
            "machine: {sysctls: {vm.max_map_count: "262144"}}",
            "@./patches/gpu.yaml",
            "machine: {time: {servers: ['{{ .x }}']}}",
          ],
          "role": "worker",
          "schematic": {
            "customization": {
              "systemExtensions": {
                "officialExtensions": [
                  "siderolabs/gvisor",
                ],
              },
            },
          },
          "schematicId": "d9ff89777e246792e7642abd3220a616afb4e49822382e4213a2e528ab826fe5",
          "taints": {
            "dedicated": "gpu:NoSchedule",
          },
        },
        {
          "addresses": [
            "10.0.10.23",
          ],
          "file": "clusterconfig/lab-worker-03.yaml",
          "installDisk": "/dev/sda",
          "labels": {
            "group": "worker",
          },
          "macs": [],
          "modules": [
            "nvidia",
          ],
          "name": "worker-03",
          "patches": [
            "machine: {sysctls: {vm.max_map_count: "262144"}}",
          ],
          "role": "worker",
          "schematicId": "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba",
          "taints": {
            "dedicated": "gpu:NoSchedule",
          },
        },
      ],
      "notes": [
        "gpu-02: the group's patches: templates and variables are not filled in; write the values out",
        "worker-03: ignoreHostname is set; Lightsout names machines itself",
      ],
      "talosVersion": "v1.13.9",
    }
  `);
});

it.each([
  ["", /clusterName and endpoint/],
  ["clusterName: a\nendpoint: b", /nodes is no list/],
  ["clusterName: a\nendpoint: b\nnodes: [{hostname: x}]", /nodes\[0\] has no hostname or no ipAddress/],
  ["clusterName: a\nendpoint: b\nnodes: [{hostname: x, ipAddress: 1.1.1.1}, {hostname: x, ipAddress: 1.1.1.2}]", /two nodes are called x/],
  ["clusterName: [", /talconfig.yaml cannot be read/],
])("refuses %j", (text, message) => {
  expect(() => importTalhelper(text)).toThrow(message);
});

it("notes variables, odd schematics and what is not pinned", () => {
  const text = `clusterName: a
endpoint: b
nodes:
  - {hostname: x, ipAddress: "\${IP}", imageSchematic: y}
  - {hostname: z, ipAddress: 1.1.1.1, patches: [{a: 1}], schematic: {customization: {extraKernelArgs: ["yes"]}}}
`;
  expect(importTalhelper(text).notes).toEqual([
    "talosVersion is not pinned: the version would change with talhelper's own",
    `x: \${IP} comes from the environment; write it out`,
    "x: imageSchematic is no schematic id",
    expect.stringContaining("z: The schematic's id cannot be computed"),
    "z: patches: only texts are patches",
  ]);
});

it("takes an empty customization for none", () => {
  const of = (schematic: string) =>
    importTalhelper(`clusterName: a\nendpoint: b\nnodes: [{hostname: x, ipAddress: 1.1.1.1, schematic: ${schematic}}]\n`).machines[0];
  expect(of("{customization: null}")?.schematicId).toBe(of("{customization: {}}")?.schematicId);
});

it("reads any file or says why not", () => {
  const word = fc.constantFrom(
    ..."clusterName endpoint nodes hostname ipAddress controlPlane worker patches schematic customization extraKernelArgs networkInterfaces deviceSelector nodeLabels kernelModules name imageSchematic bond".split(
      " ",
    ),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      word,
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(word, tie("tree"), { maxKeys: 5 }),
    ),
  }));
  const node = fc.dictionary(word, tree, { maxKeys: 5 }).map((more) => ({ ...more, hostname: "x", ipAddress: "1.1.1.1" }));
  const config = fc
    .tuple(fc.dictionary(word, tree), fc.array(node, { maxLength: 1 }))
    .map(([more, nodes]) => ({ ...more, clusterName: "a", endpoint: "b", nodes }));
  fc.assert(
    fc.property(
      fc.oneof(
        config.map((one) => JSON.stringify(one)),
        tree.map((one) => JSON.stringify(one)),
        fc.string(),
      ),
      (text) => {
        try {
          expect(importTalhelper(text).clusterName).toEqual(expect.any(String));
        } catch (error) {
          expect(error).toBeInstanceOf(LightsoutError);
        }
      },
    ),
    { numRuns: 500 },
  );
});
