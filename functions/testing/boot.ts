import { type FakeConfigs, lineOf } from "./configs.ts";
import type { FakeEtcd } from "./etcd.ts";
import type { FakeMachine } from "./machine.ts";
import type { FakeNetboot } from "./netboot.ts";
import { type FakeDisk, type FakeSlot, slotOf } from "./system.ts";
import type { Timeline } from "./timeline.ts";

/** What a machine finds around it. */
export interface Surroundings {
  readonly timeline: Timeline;
  readonly netboot: FakeNetboot;
  readonly configs: FakeConfigs;
  readonly etcd: FakeEtcd;
  /** Pods have a network, so that Nodes can be Ready. */
  readonly networked: () => boolean;
}

/** What the start of a machine does to it. */
export interface Starting {
  /** Has something happen unless the machine was stopped or started anew meanwhile. */
  later(ms: number, happen: () => void): void;
  /** This runs, and answers after so long. */
  answers(inMs: number, slot: FakeSlot, stage: "running" | "maintenance"): void;
  restart(how: "firmware" | "kexec"): void;
}

/** What loading over the network takes. */
const loadMs = 3000;
const wipeMs = 5000;

/**
 * One start of a machine. Through the firmware it goes where it is sent: to its network once, to a medium, or to its disk; with nothing to
 * boot it asks the network. By kexec it goes straight to the disk.
 */
export function start(machine: FakeMachine, how: "firmware" | "kexec", around: Surroundings, starting: Starting): void {
  const { host, system, name } = machine;
  const halfMs = host.bootMs / 2;

  const fromDisk = () => {
    const slot = system.slots[system.next];
    if (!slot || host.neverBoots) return;
    if (system.staged !== undefined) system.configuration = system.staged;
    system.staged = undefined;
    system.active = system.next;
    const fate = system.faults.badVersions.get(slot.version);
    if (fate === "hangs" || (fate === "needs-kexec" && how === "firmware")) return;
    if (fate !== "crashes") starting.answers(halfMs, slot, system.configuration === undefined ? "maintenance" : "running");
    // Only what started and then failed falls back, and only once.
    if (fate !== "crashes" || !system.upgradePending) return;
    starting.later(halfMs + 10_000, () => {
      system.next = system.next === "a" ? "b" : "a";
      system.upgradePending = false;
      starting.restart("firmware");
    });
  };
  const fromMedium = () => {
    // An image of the Image Factory stops where a system is installed (talos.halt_if_installed).
    if (system.slots[system.next] || host.neverBoots) return;
    const { version, schematic } = around.configs.declared(name);
    starting.answers(halfMs, { version, schematic }, "maintenance");
  };
  const fromNetwork = (offer: NonNullable<ReturnType<FakeNetboot["ask"]>>) => {
    if (host.neverBoots) return;
    starting.later(loadMs, () => {
      around.netboot.loaded(name);
      const [schematic, version = ""] = offer.profile.kernel.split("/");
      const slot = { version, schematic };
      if (offer.wiping) {
        starting.later(wipeMs, () => {
          wipeSystem(machine, around);
          starting.restart("firmware");
        });
      } else if (system.configuration !== undefined) {
        // The configuration on the disk wins, and nobody is asked for another one.
        starting.answers(halfMs, slot, "running");
      } else {
        starting.later(loadMs, () => {
          if (!around.netboot.take(name)) return;
          if (machine.armsUsed.has(offer.arm)) machine.violations.push(`${name} was installed twice under one arm`);
          machine.armsUsed.add(offer.arm);
          install(machine, around.configs.text(name), around, starting, slot);
        });
      }
    });
  };

  const throughFirmware = () => {
    const { target, once, uri } = machine.override;
    if (once) machine.override = { target: "none", once: false };
    if (target === "bios") return;
    if (target === "cd" && uri !== undefined) return fromMedium();
    const disk = system.slots[system.next] !== undefined;
    const sent = target === "pxe" || (target === "http" && uri !== undefined) || around.netboot.way(name).by === "first";
    const network = target !== "disk" && (sent || !disk);
    const offer = network ? around.netboot.ask(name) : undefined;
    if (offer) fromNetwork(offer);
    else fromDisk();
  };

  if (how === "kexec") fromDisk();
  else starting.later(halfMs, throughFirmware);
}

/** Installs what the configuration names on the disk that it names, and starts it. Without such a disk nothing comes of it. */
export function install(machine: FakeMachine, configuration: string, around: Surroundings, starting: Starting, booted: FakeSlot): void {
  const { system, did } = machine;
  const wanted = lineOf(configuration, "disk");
  const disk = system.disks.find((one) => one.serial === wanted || one.wwid === wanted) ?? (wanted ? undefined : system.disks[0]);
  if (!disk) return;
  const slot = slotOf(lineOf(configuration, "installer") ?? "") ?? booted;
  system.running = booted;
  system.stage = "installing";
  starting.later(system.faults.installMs, () => {
    if (system.faults.installerExit !== 0) return;
    judgeDisk(machine, disk, around, "installed on");
    did.install += 1;
    for (const one of system.disks) one.system = one === disk;
    Object.assign(system, { slots: { a: slot, b: undefined }, next: "a", active: "a", upgradePending: false });
    system.configuration = configuration;
    system.configuredAt = around.timeline.now();
    starting.restart("kexec");
  });
}

/** Wipes what Talos has on its disk. */
export function wipeSystem(machine: FakeMachine, around: Surroundings): void {
  const { system, did } = machine;
  did.wipe += 1;
  around.etcd.wiped(machine.name);
  for (const disk of system.disks.filter((one) => one.system)) {
    judgeDisk(machine, disk, around, "wiped");
    disk.system = false;
  }
  Object.assign(system, { slots: { a: undefined, b: undefined }, configuration: undefined, staged: undefined, upgradePending: false });
}

/** Only the declared disk is written, and only when nothing of anybody else lies on it. */
function judgeDisk(machine: FakeMachine, disk: FakeDisk, around: Surroundings, what: string): void {
  const { name, violations } = machine;
  const { disk: declared } = around.configs.declared(name);
  const is = declared === undefined || ("serial" in declared ? declared.serial === disk.serial : declared.wwid === disk.wwid);
  if (!is) violations.push(`${name}: disk ${disk.serial} was ${what}, which is not the declared one`);
  if (disk.found.length > 0) violations.push(`${name}: disk ${disk.serial} was ${what} although it carried ${disk.found.join(", ")}`);
  disk.found = [];
}
