import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { declarationsOf } from "#config/declarations.ts";
import { ConfigError, parseConfig } from "#config/load.ts";
import { policyOf } from "#config/policy.ts";
import { editorErrors } from "./editor.ts";

const parse = (text: string) => {
  const config = parseConfig(text, { file: "lightsout.yaml", folder: "/etc/lightsout", env: { HOME: "/home/op", S3: "s3-s3cret" } });
  expect(editorErrors(text)).toEqual([]);
  return config;
};

/** The problems of a text, each as `line:column path: message → fix`. */
const problems = (text: string): string[] => {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ line, column, path, message, fix }) => `${line}:${column} ${path}: ${message} → ${fix}`);
  }
  return [];
};
const talosOf = (text: string) => Object.fromEntries(parse(text).machines.map(({ name, talos }) => [name, talos]));
const empty = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";
const gvisor = "d9ff89777e246792e7642abd3220a616afb4e49822382e4213a2e528ab826fe5";

describe("what a machine is to run", () => {
  it("is nothing where nobody says anything of Talos", () => {
    expect(talosOf("machines: [{name: a}]")).toEqual({ a: undefined });
    expect(declarationsOf(parse("machines: [{name: a}]"))("a")).toBeUndefined();
  });

  it("has a safe default for everything but version and schematic", () => {
    expect(talosOf("talos: {}\nmachines: [{name: a}]").a).toEqual({
      patches: [],
      labels: {},
      taints: {},
      modules: [],
      registry: "factory.talos.dev",
      netboot: "pxe",
      diskBoot: "auto",
      profile: "default, no BMC, 0 GPUs, no schematic",
      dhcpHostname: false,
      arch: "amd64",
      secureBoot: false,
    });
  });

  it("is the machine's own word before its pool's, its pool's before the defaults', and those before talos'", () => {
    const { a, b, c, d } = talosOf(`
talos: {version: v1.12.1, kubernetes: v1.35.0, base: {controlPlane: ./cp.yaml, worker: ~/w.yaml}, registry: harbor.lan:5000/talos}
defaults: {talos: {version: v1.12.2, netboot: http, patches: [./all.yaml], modules: [x], labels: {site: home, rack: none}}}
pools:
  p: {talos: {version: v1.12.3, diskBoot: exit, patches: [./p.yaml], modules: [y, x], labels: {rack: r1}, taints: {gpu: NoSchedule}}}
machines:
  a: {pool: p, talos: {version: 1.12.4, netboot: media, patches: [./a.yaml], labels: {rack: r2}, config: ./own.yaml, profile: odd}}
  b: {pool: p}
  c: {}
  d: {role: control-plane, talos: {kubernetes: v1.35.1}}
`);
    expect([a, b, c, d].map((one) => [one?.version, one?.kubernetes, one?.netboot, one?.diskBoot])).toEqual([
      ["v1.12.4", "v1.35.0", "media", "exit"],
      ["v1.12.3", "v1.35.0", "http", "exit"],
      ["v1.12.2", "v1.35.0", "http", "auto"],
      ["v1.12.2", "v1.35.1", "http", "auto"],
    ]);
    expect([a, b, c, d].map((one) => one?.base)).toEqual([
      "/etc/lightsout/own.yaml",
      "/home/op/w.yaml",
      "/home/op/w.yaml",
      "/etc/lightsout/cp.yaml",
    ]);
    expect(a).toMatchObject({
      patches: ["/etc/lightsout/all.yaml", "/etc/lightsout/p.yaml", "/etc/lightsout/a.yaml"],
      modules: ["x", "y"],
      labels: { site: "home", rack: "r2" },
      taints: { gpu: ":NoSchedule" },
      registry: "harbor.lan:5000/talos",
      profile: "odd",
    });
  });

  it.each([
    [`schematic: ${gvisor}`, { id: gvisor }],
    ["schematic: {customization: {}}", { id: empty, extensions: [], kernelArgs: [] }],
    [
      "schematic: {customization: {systemExtensions: {officialExtensions: [siderolabs/gvisor]}}}",
      { id: gvisor, extensions: ["siderolabs/gvisor"], kernelArgs: [] },
    ],
    ["extensions: [siderolabs/gvisor]", { id: gvisor, extensions: ["siderolabs/gvisor"], kernelArgs: [] }],
    [`schematic: ${empty}, extensions: [siderolabs/known]`, { id: empty, extensions: ["siderolabs/known"] }],
    [
      'schematic: {customization: {meta: [{key: 10, value: foo}], extraKernelArgs: ["noapic"]}}',
      { extensions: [], kernelArgs: ["noapic"], id: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ],
  ])("{%s} is a schematic of a known id", (text, schematic) => {
    expect(talosOf(`machines: {a: {talos: {${text}}}}`).a?.schematic).toEqual(schematic);
  });

  it("has the same schematic in whatever order its extensions are listed, and the nearest word of both counts", () => {
    const { a, b, c } = talosOf(`
defaults: {talos: {schematic: ${empty}}}
machines:
  a: {talos: {extensions: [siderolabs/intel-ucode, siderolabs/gvisor]}}
  b: {talos: {extensions: [siderolabs/gvisor, siderolabs/intel-ucode]}}
  c: {}
`);
    expect(a?.schematic).toEqual(b?.schematic);
    expect([a?.schematic?.id === empty, c?.schematic]).toEqual([false, { id: empty }]);
  });

  it("is a declaration under the name of its Node", () => {
    const config = parse(`machines: [{name: a, node: talos-a, role: control-plane, talos: {version: v1.13.9, schematic: ${gvisor}}}]`);
    expect(declarationsOf(config)("a")).toMatchObject({
      role: "control-plane",
      hostname: "talos-a",
      version: "v1.13.9",
      schematic: gvisor,
    });
    expect(declarationsOf(config)("b")).toBeUndefined();
  });
});

describe("what is decided for a site", () => {
  it("is a policy with files as absolute paths", () => {
    const config = parse(`
upgrade: {soak: 1h}
coldStart: {pools: [storage], stagger: 30s}
drift: {repair: [labels]}
cni: {manifests: [./cilium.yaml, /srv/x.yaml]}
machines: [{name: a, pool: storage}]
`);
    expect(policyOf(config)).toMatchObject({
      upgrade: { soak: "1h", within: "30m" },
      coldStart: { pools: ["storage"], stagger: "30s" },
      drift: { repair: ["labels"] },
      serving: "report",
    });
    expect(config.cni).toEqual({ manifests: ["/etc/lightsout/cilium.yaml", "/srv/x.yaml"] });
    expect(parse("cni: {command: [./install, now]}").cni).toEqual({ command: ["./install", "now"] });
  });

  it("never shows the keys of a bucket", () => {
    const s3 = `endpoint: "https://s3.lan/", bucket: etcd, accessKey: GK1, secretKey: "\${env:S3}", prefix: home/`;
    const { snapshots } = parse(`snapshots: {to: {s3: {${s3}}}, keep: {last: 3}}`);
    expect(snapshots).toMatchObject({
      to: { s3: { endpoint: "https://s3.lan", bucket: "etcd", region: "us-east-1", accessKey: "GK1", prefix: "home" } },
      keep: { last: 3, daily: 7, weekly: 4 },
    });
    expect(`${inspect(snapshots, { depth: 9, showHidden: true })}${JSON.stringify(snapshots)}`).not.toContain("s3-s3cret");
    expect(snapshots && "s3" in snapshots.to && snapshots.to.s3.secretKey.reveal()).toBe("s3-s3cret");
  });

  it("keeps files where the configuration is", () => {
    const config = parse("talos: {talosconfig: ./t}\nnetboot: {assets: ~/assets}\nsnapshots: {to: ./etcd}");
    expect([config.talos, config.netboot?.assets, config.snapshots?.to]).toEqual([
      { talosconfig: "/etc/lightsout/t" },
      "/home/op/assets",
      { folder: "/etc/lightsout/etcd" },
    ]);
  });

  it("leaves the boot server on loopback until it is told otherwise", () => {
    expect(parse("netboot: {}").netboot).toEqual({
      listen: { host: "127.0.0.1", port: 7481 },
      assets: "/etc/lightsout/assets",
      checksums: false,
    });
  });
});

describe("a wrong word about Talos", () => {
  it.each([
    ["talos: {version: 1.13}", '1:18 talos.version: "1.13" is not a version of Talos → Write it whole, such as v1.13.9'],
    [
      "talos: {registry: https://x}",
      '1:19 talos.registry: "https://x" is not a registry → Write host, port and path without https://, such as factory.talos.dev',
    ],
    ["talos: {talosconfg: x}", '1:9 talos.talosconfg: "talosconfg" is not a known key → Did you mean talosconfig?'],
    ["defaults: {talos: {disk: {serial: x}}}", '1:20 defaults.talos.disk: "disk" is not a known key → Did you mean diskBoot?'],
    [
      "machines: {a: {talos: {schematic: abc}}}",
      '1:35 machines.a.talos.schematic.id: "abc" is not the id of a schematic → Write the 64 digits that the Image Factory answers',
    ],
    [
      "machines: {a: {talos: {schematic: {}}}}",
      "1:24 machines.a.talos.schematic: The schematic is empty → Write customization: {} for one without extensions, or the id",
    ],
    [
      `machines: {a: {talos: {schematic: {id: ${empty}, customization: {}}}}}`,
      "1:24 machines.a.talos.schematic: A schematic is given by its id and written out → Keep one of the two",
    ],
    [
      "machines: {a: {talos: {schematic: {customization: {}}, extensions: [x]}}}",
      "1:56 machines.a.talos.extensions: The schematic is written out and extensions are listed too → List them in the schematic",
    ],
    [
      'machines: {a: {talos: {extensions: ["a b"]}}}',
      '1:24 machines.a.talos.extensions: The schematic\'s id cannot be computed: how the Factory writes "a b" is not certain → Send the schematic to the Image Factory (POST /schematics) and use the id that it answers',
    ],
    [
      "machines: {a: {talos: {disk: {serial: x, wwid: y}}}}",
      "1:24 machines.a.talos.disk: serial and wwid are two ways to name the disk → Write one of the two, as `talosctl get disks -o yaml` shows it",
    ],
    [
      "machines: {a: {talos: {disk: {}}}}",
      "1:24 machines.a.talos.disk: Nothing names the disk → Write one of the two, as `talosctl get disks -o yaml` shows it",
    ],
    [
      "machines: {a: {talos: {disk: {serial: x}}}, b: {talos: {disk: {serial: x}}}}",
      "1:72 machines.b.talos.disk.serial: The same disk is given for a in line 1 → Two machines cannot share it: correct or remove one of the two",
    ],
    [
      "machines: {a: {talos: {labels: {'a b': x}}}}",
      "1:40 machines.a.talos.labels.a b: This is not the name of a label → Write it like example.com/name",
    ],
    [
      "machines: {a: {talos: {labels: {a: x@y}}}}",
      '1:36 machines.a.talos.labels.a: "…@y" cannot be a label\'s value → Write up to 63 letters, digits, -, _ and .',
    ],
    [
      "machines: {a: {talos: {taints: {a: NoRun}}}}",
      '1:36 machines.a.talos.taints.a: "NoRun" is not a taint → Write value:Effect, such as gpu:NoSchedule; effects: NoSchedule, PreferNoSchedule, NoExecute',
    ],
    ["machines: {a: {talos: {arch: x86_64}}}", '1:30 machines.a.talos.arch: "x86_64" is not amd64 or arm64 → Write amd64'],
    [
      "machines: {a: {talos: {netboot: usb}}}",
      '1:33 machines.a.talos.netboot: "usb" is not pxe, http, media or first → Write pxe, http, media or first',
    ],
  ])("%s", (text, problem) => {
    expect(problems(text)).toEqual([problem]);
  });
});

describe("a wrong word about the boot server, snapshots and policies", () => {
  it.each([
    [
      "netboot: {listen: 0.0.0.0:7481}",
      "1:19 netboot.listen: Nothing says under which URL machines reach this → Write netboot.url, such as http://10.0.10.2:7481",
    ],
    [
      "netboot: {url: http://me:pw@x}",
      '1:16 netboot.url: "http://…@x" is not such a URL → Write it like http://10.0.10.2:7481, without a user, a query or spaces',
    ],
    [
      "netboot: {dnsmasq: {interface: eth0, subnet: 10.0.0.0}}",
      "1:11 netboot.dnsmasq: Machines cannot reach a boot server on loopback → Write netboot.listen and netboot.url as they reach it",
    ],
    [
      'netboot: {url: "http://10.0.0.2:7481", dnsmasq: {interface: eth0, subnet: 10.0.0.0, router: 10.0.0.1}}',
      "1:93 netboot.dnsmasq.router: Beside another DHCP server this means nothing → Remove it, or write mode: dhcp",
    ],
    [
      'netboot: {url: "http://10.0.0.2:7481", dnsmasq: {mode: dhcp, interface: eth0, subnet: 10.0.0.0}}',
      "1:40 netboot.dnsmasq.netmask: A DHCP server needs the netmask → Write it like 255.255.255.0",
    ],
    [
      "netboot: {programs: ./no/such}",
      "1:21 netboot.programs: /etc/lightsout/no/such is no folder that can be read → Correct the path; it is relative to the folder of this file",
    ],
    [
      "snapshots: {keep: {last: 3}}",
      "1:1 snapshots.to: Nothing says where snapshots go → Write to: ./snapshots, or to: { s3: { endpoint, bucket, region, accessKey, secretKey } }",
    ],
    [
      "snapshots: {to: {s3: {endpoint: http://x, bucket: etcd, accessKey: k, secretKey: s3-s3cret}}}",
      `1:82 snapshots.to.s3.secretKey: A secret stands in the file itself → Write \${env:NAME} or \${file:path} and put the secret there; change it at the device if this file was ever shared`,
    ],
    [
      'snapshots: {to: ./x, schedule: "0 0 31 2 *"}',
      '1:32 snapshots.schedule: "0 0 31 2 *" is not a cron expression → Write minute, hour, day, month and weekday, such as "0 */6 * * *", or @daily',
    ],
    ["timezone: Mars", '1:11 timezone: "Mars" is not a time zone → Write it like Europe/Berlin, or UTC'],
    ["cni: {}", "1:1 cni: Nothing says how the network is installed → Write manifests: [file] or command: [program]"],
    [
      "cni: {manifests: [a], command: [b]}",
      "1:1 cni: manifests and command are two ways to install a network → Write manifests: [file] or command: [program]",
    ],
    ["drift: {repair: [version]}", '1:18 drift.repair.0: "version" is not labels or taints → Write labels or taints'],
    ["storage: rook", '1:10 storage: "rook" is not auto, none, ceph or longhorn → Write ceph'],
    [
      "coldStart: {pools: [gup]}\nmachines: [{name: a, pool: gpu}]",
      "1:21 coldStart.pools.0: No machine is in this pool → Did you mean gpu?",
    ],
  ])("%s", (text, problem) => {
    expect(problems(text)).toEqual([problem]);
    expect(problems(text).join()).not.toMatch(/s3-s3cret|me:pw/);
  });
});
