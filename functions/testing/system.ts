import type { SequenceEnd, SystemInformation } from "#adapters/os/port.ts";

/** One of the two systems on a disk. */
export interface FakeSlot {
  /** With `v`. */
  readonly version: string;
  readonly schematic: string | undefined;
}

export interface FakeDisk {
  readonly device: string;
  readonly serial: string;
  readonly wwid?: string;
  /** Bytes. */
  readonly size: number;
  /** Foreign signatures on it, such as `bluestore`. */
  found: string[];
  /** Talos is installed on it. */
  system: boolean;
}

/** The operating system of a fake machine: what lies on its disks and what runs. Everything may be changed at any time. */
export interface FakeSystem {
  readonly faults: TalosFaults;
  disks: FakeDisk[];
  /** The systems on the disk; none on a blank machine. */
  slots: { a: FakeSlot | undefined; b: FakeSlot | undefined };
  /** The slot that starts next. */
  next: "a" | "b";
  /** The slot that started last. */
  active: "a" | "b";
  /** What runs, or ran last; `undefined` on a machine that never started. */
  running: FakeSlot | undefined;
  /** The whole machine configuration on the disk; `undefined` before it has one. */
  configuration: string | undefined;
  /** When it last changed, on the monotonic clock. */
  configuredAt: number;
  /** Takes effect at the next start. */
  staged: string | undefined;
  /** The boot after an upgrade is not confirmed. */
  upgradePending: boolean;
  stage: "booting" | "installing" | "maintenance" | "running" | "rebooting" | "shutting-down" | "resetting" | "upgrading";
  extensions: { name: string; version: string }[];
  dmesg: string[];
  /** Images that were pulled. */
  readonly pulled: Set<string>;
  /** A snapshot of etcd that was handed over for recovery. */
  uploaded: Uint8Array | undefined;
}

/** How a fake Talos behaves. Everything may be changed at any time. */
export interface TalosFaults {
  /**
   * What is wrong with a version: `crashes` (falls back to the other slot once), `hangs` (stays dark), `needs-kexec` (starts by kexec, never
   * through the firmware).
   */
  readonly badVersions: Map<string, "crashes" | "hangs" | "needs-kexec">;
  /** How the installer ends. Default 0. */
  installerExit: number;
  /** What the installer takes. Default 20 s. */
  installMs: number;
  /** Its API answers nobody, though the machine runs. */
  silent: boolean;
  /** It presents a certificate of another cluster. */
  foreign: boolean;
  /** Acts are carried out, their answers lost. */
  losesAnswers: boolean;
  /** So many acts never reach it. */
  unreachable: number;
  /** Who it says it is; default what the inventory says. */
  identity: Partial<SystemInformation>;
  /** Sequences (reboot, shutdown, reset, legacy upgrade) are acknowledged, end so, and do nothing. */
  sequences: SequenceEnd | undefined;
  /** Why it refuses whatever configuration it is given. */
  refusesConfig: string | undefined;
  /** Before 1.14: `auto` reboots. */
  autoReboots: boolean;
  /** No image can be pulled, for this reason. */
  pullFails: string | undefined;
  /** So many times etcd cannot be bootstrapped yet. */
  notReadyToBootstrap: number;
  /** Snapshots end in the middle. */
  snapshotBreaks: boolean;
}

const honestTalos = (): TalosFaults => ({
  badVersions: new Map(),
  installerExit: 0,
  installMs: 20_000,
  silent: false,
  foreign: false,
  losesAnswers: false,
  unreachable: 0,
  identity: {},
  sequences: undefined,
  refusesConfig: undefined,
  autoReboots: false,
  pullFails: undefined,
  notReadyToBootstrap: 0,
  snapshotBreaks: false,
});

/** @param installed what is on the disk; `undefined` for a blank machine */
export function createFakeSystem(name: string, installed: { slot: FakeSlot; configuration: string } | undefined): FakeSystem {
  return {
    faults: honestTalos(),
    disks: [{ device: "/dev/nvme0n1", serial: `S-${name}`, size: 480_103_981_056, found: [], system: installed !== undefined }],
    slots: { a: installed?.slot, b: undefined },
    next: "a",
    active: "a",
    running: installed?.slot,
    configuration: installed?.configuration,
    configuredAt: Number.NEGATIVE_INFINITY,
    staged: undefined,
    upgradePending: false,
    stage: installed ? "running" : "booting",
    extensions: [],
    dmesg: [],
    pulled: new Set(),
    uploaded: undefined,
  };
}

/** Puts a system into the slot that does not run and has it start next. */
export function installBeside(system: FakeSystem, slot: FakeSlot): void {
  const other = system.active === "a" ? "b" : "a";
  system.slots[other] = slot;
  system.next = other;
  system.upgradePending = true;
}

/** The slot of an installer's name, such as `factory.talos.dev/metal-installer/<schematic>:v1.13.9`. */
export function slotOf(image: string): FakeSlot | undefined {
  const [, schematic, version] = /^[^\s:]+\/([^/:]+):(v\d+\.\d+\.\d+\S*)$/.exec(image) ?? [];
  return version === undefined ? undefined : { version, schematic: schematic === "installer" ? undefined : schematic };
}

/** 13 of `v1.13.9`. */
export const minorOf = (version: string): number => Number(version.split(".")[1] ?? 0);
