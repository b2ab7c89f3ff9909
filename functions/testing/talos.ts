import type { ConfigAnswer, MachineStatus, Talos, TalosDisk, TalosMember } from "#adapters/os/port.ts";
import { UnsupportedError } from "#events";
import { wipeSystem } from "./boot.ts";
import { differences } from "./configs.ts";
import type { FakeMachine } from "./machine.ts";
import { type FakeDisk, minorOf } from "./system.ts";
import { createFakeTalosEtcd } from "./talos-etcd.ts";
import type { TalosScene } from "./talos-scene.ts";
import { createFakeUpgrades } from "./talos-upgrade.ts";

/** What a sequence takes to be heard of. */
const followMs = 3000;

/** The Talos API of one fake machine. Like the real one it demands a permit, checks who answers, and passes the gate last. */
export function createFakeTalos(scene: TalosScene): Talos {
  const { machine, around, read, act, begin, fail, who } = scene;
  const { name, facts, system, did, host } = machine;
  const { faults } = system;
  const etcd = createFakeTalosEtcd(scene);

  const status = (): MachineStatus => {
    const ready = system.stage !== "running" || machine.isReady();
    return { stage: system.stage, ready, unmet: ready ? [] : [{ name: "nodeReady", reason: host.sick ?? "Node is not Ready yet" }] };
  };
  const gpus = () => Math.max(0, facts.gpus - host.gpusMissing);
  const pciDevices = () =>
    Array.from({ length: gpus() }, (_, index) => ({
      ...{ address: `0000:${(16 + index).toString(16)}:00.0`, vendorId: "0x10de", classId: "0x03", vendor: "NVIDIA Corporation" },
    }));
  const take = (config: string) => {
    if (faults.refusesConfig !== undefined) throw fail("apply-config", "LO_TALOS_REFUSED", "none", faults.refusesConfig);
    if (!config.includes("machine:")) throw fail("apply-config", "LO_TALOS_REFUSED", "none", "the v1alpha1 document is missing");
  };
  const configure = (config: string) => {
    system.configuration = config;
    system.configuredAt = around.timeline.now();
  };
  const diff = (config: string): ConfigAnswer => {
    take(config);
    const lines = differences(system.configuration ?? "", config);
    return { mode: "no-reboot", details: lines.length > 0 ? lines.join("\n") : "No changes.", warnings: [] };
  };

  return {
    machine: name,
    async presence() {
      const answers = faults.silent ? undefined : machine.answers();
      if (answers === undefined) return { is: "silent", seen: "no answer in 5s" };
      if (faults.foreign) return { is: "foreign", seen: "TLS, issued by another cluster" };
      return answers === "running"
        ? { is: "ours", seen: `TLS, CN=${name}` }
        : { is: "maintenance", seen: "TLS, CN=maintenance-service.talos.dev" };
    },
    version: () => read("version", () => ({ tag: system.running?.version ?? "", arch: "amd64", mode: "metal" })),
    bootId: () => read("boot id", () => machine.kernel()),
    schematic: () => read("schematic", () => system.running?.schematic),
    extensions: () => read("extensions", () => [...system.extensions]),
    status: () => read("status", status),
    upgradePending: () => read("upgrade pending", () => system.upgradePending),
    system: () => read("system information", who),
    disks: () => read("disks", () => system.disks.map(shown)),
    pciDevices: () => read("PCI devices", pciDevices),
    nvidiaGpus: () => read("PCI devices", gpus),
    node: () => read("node", () => nodeOf(machine)),
    members: () =>
      read("members", () =>
        scene
          .machines()
          .filter((one) => one.up())
          .map(memberOf),
      ),
    async *events() {
      yield { id: "", fact: { kind: "other", type: "" } };
    },
    async follow(actor, signal) {
      await scene.sleep(followMs, signal);
      return scene.endOf(actor) ?? { end: "lost", seen: "nothing was heard of it" };
    },
    async *dmesg() {
      yield* await read("dmesg", () => [...system.dmesg]);
    },
    reboot: (permit, mode) =>
      act(permit, "os-reboot", () => {
        did.reboot += 1;
        return begin("rebooting", mode === "default" ? "kexec" : "firmware");
      }),
    shutdown: (permit) =>
      act(permit, "os-shutdown", () => {
        did.shutdown += 1;
        return begin("shutting-down", "off");
      }),
    reset: (permit, { graceful, reboot, wipe }) =>
      act(permit, "os-reset", () => {
        did.reset += 1;
        const partitions = wipe.what === "partitions";
        const ending = reboot ? (partitions ? "kexec" : "firmware") : "off";
        return begin("resetting", ending, () => {
          const member = around.etcd.of(name);
          if (graceful && member && around.etcd.quorate()) around.etcd.remove(member, "leave");
          if ("devices" in wipe) machine.violations.push(`${name}: ${wipe.devices.join(", ")} was wiped, which only its owner may do`);
          if (partitions) forget(wipe.labels);
          else if (wipe.what !== "user-disks") wipeSystem(machine, around);
        });
      }),
    configuration: () => read("configuration", () => system.configuration ?? ""),
    diffConfiguration: (config) => read("apply-config --dry-run", () => diff(config)),
    async applyConfiguration(permit, config, { mode, tryMs = 60_000 }) {
      if (mode === "reboot" && minorOf(system.running?.version ?? "") >= 14)
        throw new UnsupportedError(name, "apply-config --mode reboot", "it is gone in Talos 1.14");
      return await act(permit, "apply-config", () => {
        take(config);
        did.apply += 1;
        const before = system.configuration;
        if (mode === "staged") system.staged = config;
        else configure(config);
        if (mode === "try")
          around.timeline.after(tryMs, () => before !== undefined && system.configuration === config && configure(before));
        const reboots = mode === "reboot" || (mode === "auto" && faults.autoReboots && minorOf(system.running?.version ?? "") < 14);
        if (reboots) begin("rebooting", "kexec");
        const used = mode === "auto" ? (reboots ? "reboot" : "no-reboot") : mode;
        return { mode: used, details: "Applied configuration", warnings: [] };
      });
    },
    ...etcd,
    async kubeconfig() {
      return await read("kubeconfig", () => {
        if (facts.role !== "control-plane") throw fail("kubeconfig", "LO_TALOS_REFUSED", "none", "it is no control plane");
        return "apiVersion: v1\nkind: Config\n";
      });
    },
    ...createFakeUpgrades(scene),
    maintenance: {
      version: () => read("version", () => system.running && { tag: system.running.version }, "maintenance"),
      system: () => read("system information", who, "maintenance"),
      disks: () => read("disks", () => system.disks.map(shown), "maintenance"),
      pciDevices: () => read("PCI devices", pciDevices, "maintenance"),
      status: () => read("status", status, "maintenance"),
      diffConfiguration: (config) => read("apply-config --dry-run", () => diff(config), "maintenance"),
      applyConfiguration: (permit, config) =>
        act(
          permit,
          "configure",
          () => {
            take(config);
            did.apply += 1;
            machine.install(config);
            return { mode: "no-reboot", details: "Applied configuration", warnings: [] };
          },
          { from: "maintenance" },
        ),
    },
  };

  function forget(labels: readonly string[]): void {
    if (labels.includes("EPHEMERAL")) around.etcd.wiped(name);
    if (!labels.includes("STATE")) return;
    did.wipe += 1;
    system.configuration = undefined;
    system.staged = undefined;
  }
}

const shown = ({ device, serial, wwid, size, found, system }: FakeDisk): TalosDisk => {
  const volume = device.replace("/dev/", "");
  return {
    device,
    size,
    serial,
    ...(wwid === undefined ? {} : { wwid }),
    readonly: false,
    system,
    signatures: [
      ...(system ? [{ volume, found: "gpt", foreign: false }] : []),
      ...found.map((one) => ({ volume, found: one, foreign: true })),
    ],
  };
};

const nodeOf = ({ facts: { address, node } }: FakeMachine) => ({ name: node, addresses: address === undefined ? [] : [address] });

const memberOf = ({ name, facts, system }: FakeMachine): TalosMember => ({
  name,
  hostname: facts.node,
  addresses: facts.address === undefined ? [] : [facts.address],
  role: facts.role,
  os: `Talos (${system.running?.version})`,
});
