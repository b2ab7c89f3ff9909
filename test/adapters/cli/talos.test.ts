import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { talhelperSection } from "#adapters/cli/imported/talhelper.ts";
import { importTalhelper } from "#adapters/machineconfig/mod.ts";
import { parseConfig } from "#config/load.ts";
import { createRig } from "./rig.ts";

describe("what is sent", () => {
  it.each<[string, string, unknown]>([
    ["rebuild r740-01", "rebuild-requested", { machine: "r740-01" }],
    ["rebuild r740-01 --reason disk --confirm r740-01", "rebuild-requested", { machine: "r740-01", reason: "disk", confirm: "r740-01" }],
    ["install r740-01 --confirm r740-01", "install-requested", { machine: "r740-01", confirm: "r740-01" }],
    ["upgrade r740-01", "upgrade-requested", { machine: "r740-01" }],
    ["upgrade r740-01 --to 1.13.9 --cold", "upgrade-requested", { machine: "r740-01", version: "v1.13.9", cold: true }],
    ["upgrade --pool gpu --to v1.14.0", "rollout-requested", { pool: "gpu", version: "v1.14.0" }],
    ["upgrade --all --reason spring", "rollout-requested", { reason: "spring" }],
    ["kubernetes-upgrade --to v1.36.3", "kubernetes-upgrade-requested", { version: "v1.36.3" }],
    ["bootstrap", "bootstrap-requested", {}],
    ["cold-start --reason blackout", "cold-start-requested", { reason: "blackout" }],
    ["snapshot", "etcd-snapshot-requested", {}],
    ["restore --machine r740-01 --snapshot lab-1.db", "etcd-restore-requested", { machine: "r740-01", snapshot: "lab-1.db" }],
    ["drift", "drift-check-requested", {}],
    ["drift r740-01", "drift-check-requested", { machine: "r740-01" }],
  ])("%s sends %s, and with --plan nothing", async (line, type, data) => {
    const { run, desk } = await createRig();
    desk.starts("run-1");
    expect(await run(...line.split(" "))).toMatchObject({ exit: 0, err: "", out: expect.stringContaining("show run-1 --follow") });
    expect(desk.accepted).toMatchObject([{ type, data, origin: "operator", actor: "local" }]);
    expect(desk.accepted[0]?.data).toEqual(data);
    expect(await run(...line.split(" "), "--plan")).toMatchObject({ exit: 1, out: expect.stringContaining("It would stop") });
    expect([desk.accepted.length, desk.planned.at(-1)?.data]).toEqual([1, data]);
  });

  it.each([
    ["rebuild r740-01", /asks, with the disk's serial, unless the machine is declared disposable \(lightsout questions\)$/],
    ["install r740-01", /asks, unless the machine is declared disposable \(lightsout questions\)$/],
    ["bootstrap", /asks, with every disk that would be installed to \(lightsout questions\)$/],
    ["restore --machine r740-01 --snapshot lab-1.db", /asks, with the snapshot's age: what was written since is gone/],
  ])("%s says what will be asked before anything is done", async (line, asks) => {
    const { run, desk } = await createRig();
    desk.starts("run-1");
    expect((await run(...line.split(" "))).out).toMatch(asks);
    expect(JSON.parse((await run(...line.split(" "), "--json")).out)).toMatchObject({ runs: ["run-1"] });
  });

  it.each([
    ["upgrade", "Give a machine, --pool <pool> or --all"],
    ["upgrade r740-01 --all", "one of them only"],
    ["upgrade --pool gpu --all", "one of them only"],
    ["upgrade --all --cold", "--cold is for one machine"],
    ["upgrade --pool gpu --confirm r740-01", "--confirm is for one machine"],
    ["upgrade r740-01 --to 1.13", '"1.13" is not a version'],
    ["kubernetes-upgrade", "--to"],
    ["kubernetes-upgrade --to latest", '"latest" is not a version'],
    ["restore --machine r740-01", "--snapshot"],
    ["rebuild", "machine"],
    ["drift --reason x", "--reason"],
  ])("%s is refused, and nothing is sent", async (line, words) => {
    const { run, desk } = await createRig();
    expect(await run(...line.split(" "))).toMatchObject({ exit: 2, err: expect.stringContaining(words) });
    expect(desk.accepted).toEqual([]);
  });

  it("an unknown machine is refused with the nearest", async () => {
    const { run } = await createRig();
    expect(await run("rebuild", "r740-02")).toMatchObject({ exit: 1, err: expect.stringContaining("Did you mean r740-01?") });
  });
});

describe("config", () => {
  it("check lists what is wrong, with the fix, and fails when something is", async () => {
    const { run, desk } = await createRig();
    expect(await run("config", "check")).toEqual({ exit: 0, err: "", out: "r740-01: nothing is wrong that is known" });
    desk.set({
      problems: [{ code: "disk-by-name", level: "warning", path: "machine.install.disk", message: "names change", fix: "By serial" }],
    });
    expect((await run("config", "check", "r740-01")).exit).toBe(0);
    desk.set({
      problems: [{ code: "unreadable", level: "error", path: "", message: "./base.yaml is not there", fix: "Correct the path" }],
    });
    const { exit, out } = await run("config", "check");
    expect([exit, out.split("\n")]).toEqual([1, ["r740-01:", "  error  ./base.yaml is not there", "         Correct the path"]]);
    expect(JSON.parse((await run("config", "check", "--json")).out)).toMatchObject({ machines: [{ machine: "r740-01" }] });
  });

  it("check says when nothing is declared at all", async () => {
    const { run, desk } = await createRig();
    desk.configs.problems = async () => [];
    expect(await run("config", "check")).toMatchObject({ exit: 0, out: expect.stringContaining("give talos in lightsout.yaml") });
  });

  it("diff prints a line for each difference, and tells by its exit code whether there is one", async () => {
    const { run, desk } = await createRig();
    expect(await run("config", "diff", "r740-01")).toMatchObject({ exit: 0, out: "r740-01 runs what is declared" });
    desk.set({ differences: ["machine.type: declared a, running b", "OOMConfig: not declared, running {}"] });
    expect(await run("config", "diff", "r740-01")).toMatchObject({
      exit: 1,
      out: "machine.type: declared a, running b\nOOMConfig: not declared, running {}",
    });
  });

  it("show prints the configuration as YAML", async () => {
    const { run } = await createRig();
    expect(await run("config", "show", "r740-01")).toMatchObject({ exit: 0, out: "machine:\n    type: worker\n    token: (hidden)" });
  });
});

describe("netboot", () => {
  const arm = {
    machine: "r740-01",
    run: "run-1",
    state: "armed",
    boots: "abc/v1.13.9/kernel-amd64",
    expires: "2026-01-01T01:00:00.000Z",
    evidence: [{ stage: "script-fetched", at: "2026-01-01T00:00:00.000Z", detail: "to install" }],
  } as const;

  it("arms lists what was seen", async () => {
    const { run, desk } = await createRig();
    expect((await run("arms")).out).toBe("No machine was ever armed: all boot their disks");
    desk.set({ arm });
    expect((await run("arms")).out).toMatchInlineSnapshot(`
      "r740-01  armed  run run-1, until 2026-01-01T01:00:00.000Z, abc/v1.13.9/kernel-amd64
        2026-01-01T00:00:00.000Z  script-fetched  to install"
    `);
    expect(JSON.parse((await run("arms", "--json")).out)).toEqual({ arms: [arm] });
  });

  it("disarm says what stands afterwards", async () => {
    const { run, desk } = await createRig();
    expect((await run("disarm", "r740-01")).out).toBe("r740-01 was never armed");
    desk.set({ arm });
    expect((await run("disarm", "r740-01", "--reason", "wrong disk")).out).toBe("r740-01 is not armed: it boots its disk");
    expect((await desk.netboot.arms())[0]).toMatchObject({ state: "disarmed", evidence: [{}, { detail: "local: wrong disk" }] });
    desk.set({ arm: { ...arm, state: "consumed" } });
    expect((await run("disarm", "r740-01")).out).toBe("r740-01 has used its arm already (run run-1): there is nothing to take back");
    expect((await run("disarm", "r740-02")).exit).toBe(1);
  });

  it("dnsmasq prints the file as it is", async () => {
    const { run } = await createRig();
    expect(await run("dnsmasq")).toEqual({ exit: 0, err: "", out: "port=0\ninterface=eth0" });
  });
});

it("snapshots are listed by the name that restore takes", async () => {
  const { run, desk } = await createRig();
  expect((await run("snapshots")).out).toMatchInlineSnapshot(`
    "NAME      TAKEN                     BYTES  WHERE
    lab-1.db  2026-01-01T00:00:00.000Z  4096   /srv/etcd/lab-1.db"
  `);
  desk.snapshots = async () => [];
  expect((await run("snapshots")).out).toBe("No snapshot is kept");
});

describe("import talhelper", () => {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-import-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const talconfig = (content: object) => {
    const file = join(folder, "talconfig.yaml");
    writeFileSync(file, stringify(content));
    return file;
  };
  const cluster = {
    clusterName: "home",
    endpoint: "https://10.0.10.10:6443",
    talosVersion: "v1.13.9",
    kubernetesVersion: "v1.36.3",
    nodes: [
      {
        hostname: "cp-01",
        ipAddress: "10.0.10.11",
        controlPlane: true,
        installDiskSelector: { serial: "S6B0NL0T123456" },
        networkInterfaces: [{ deviceSelector: { hardwareAddr: "3C:EC:EF:12:34:56" } }],
        schematic: { customization: { systemExtensions: { officialExtensions: ["siderolabs/gvisor"] } } },
        nodeLabels: { rack: "r1" },
        patches: ["machine: {sysctls: {a: '1'}}"],
      },
      { hostname: "gpu-01", ipAddress: "10.0.10.21/24", installDisk: "/dev/sda", nodeTaints: { gpu: ":NoSchedule" } },
    ],
  };

  it("prints a section that lightsout.yaml takes, and what a person must add", async () => {
    const { run } = await createRig();
    const { err, exit, out } = await run("import", "talhelper", talconfig(cluster));
    expect(exit).toBe(0);
    expect(out.replaceAll(folder, "FOLDER")).toMatchInlineSnapshot(`
      "talos:
        talosconfig: FOLDER/clusterconfig/talosconfig
        context: home
        version: v1.13.9
        kubernetes: v1.36.3
      machines:
        cp-01:
          role: control-plane
          macs:
            - 3c:ec:ef:12:34:56
          address: 10.0.10.11
          talos:
            config: FOLDER/clusterconfig/home-cp-01.yaml
            schematic: d9ff89777e246792e7642abd3220a616afb4e49822382e4213a2e528ab826fe5
            extensions:
              - siderolabs/gvisor
            disk:
              serial: S6B0NL0T123456
            labels:
              rack: r1
        gpu-01:
          role: worker
          address: 10.0.10.21
          talos:
            config: FOLDER/clusterconfig/home-gpu-01.yaml
            taints:
              gpu: :NoSchedule"
    `);
    expect(err.replaceAll(folder, "FOLDER")).toMatchInlineSnapshot(`
      "# Run talhelper genconfig again after each change: FOLDER/clusterconfig is what machines are made from
      # cp-01: write its bmc, uuid and serial: talhelper does not know them
      # gpu-01: write talos.disk with the serial or wwid of its disk (talosctl get disks -o yaml)
      # gpu-01: write its macs: talhelper does not know them
      # gpu-01: write talos.schematic: without it nothing is known of what it is to run
      # gpu-01: write its bmc, uuid and serial: talhelper does not know them"
    `);
    const { machines } = parseConfig(out, { file: "lightsout.yaml", folder, env: {} });
    expect(machines.map(({ name, role, talos }) => [name, role, talos?.version, talos?.schematic?.extensions, talos?.disk])).toEqual([
      ["cp-01", "control-plane", "v1.13.9", ["siderolabs/gvisor"], { serial: "S6B0NL0T123456" }],
      ["gpu-01", "worker", "v1.13.9", undefined, undefined],
    ]);
  });

  it("names files from the folder of talconfig.yaml", () => {
    const { section } = talhelperSection(importTalhelper(stringify(cluster)), "talhelper");
    expect(section.talos.talosconfig).toBe("./talhelper/clusterconfig/talosconfig");
    expect(talhelperSection(importTalhelper(stringify(cluster)), ".").section.talos.talosconfig).toBe("./clusterconfig/talosconfig");
  });

  it("keeps its notes in the document with --json", async () => {
    const { run } = await createRig();
    const { err, out } = await run("import", "talhelper", talconfig(cluster), "--json");
    expect(err).toBe("");
    expect(JSON.parse(out)).toMatchObject({ section: { machines: { "gpu-01": { role: "worker" } } }, notes: expect.any(Array) });
  });

  it.each([
    [[join("/nonexistent", "talconfig.yaml")], 1, "cannot be read (ENOENT)"],
    [[], 2, "file"],
  ])("of %j fails and says why", async (given, exit, words) => {
    const { run } = await createRig();
    expect(await run("import", "talhelper", ...given)).toMatchObject({ exit, out: "", err: expect.stringContaining(words) });
  });

  it("of another file says that it is none", async () => {
    const { run } = await createRig();
    expect(await run("import", "talhelper", talconfig({ a: 1 }))).toMatchObject({
      exit: 1,
      err: expect.stringContaining("no talconfig.yaml"),
    });
  });
});
