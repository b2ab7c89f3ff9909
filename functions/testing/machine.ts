import type { NodeView } from "#adapters/cluster/port.ts";
import type { Machine } from "#adapters/inventory/port.ts";
import type { BootTarget } from "#adapters/power/port.ts";
import type { ActVerb } from "#events";
import type { BmcFaults, FakePod, HostFaults } from "./faults.ts";
import type { FakeSystem } from "./system.ts";

/** One simulated machine: its power, its operating system, its Node and its BMC. It changes by itself as the clock goes on. */
export interface FakeMachine {
  readonly name: string;
  readonly facts: Machine;
  readonly bmc: BmcFaults;
  readonly host: HostFaults;
  readonly node: NodeMarks;
  /** What lies on its disks and what runs. */
  readonly system: FakeSystem;
  /** How the firmware starts next, as the BMC keeps it. */
  override: { readonly target: BootTarget; readonly once: boolean; readonly uri?: string };
  /** Pods and volumes on it now. */
  pods: FakePod[];
  volumes: string[];
  /** Requests that reached the BMC, in order. */
  readonly writes: readonly { readonly verb: ActVerb; readonly at: number; readonly run: string }[];
  /** How often each thing really happened. */
  readonly did: Did;
  /** What should never have happened, in words. */
  readonly violations: string[];
  /** The power as it really is now. */
  power(): "on" | "off";
  /** Its operating system runs, has a configuration and reaches the cluster. */
  up(): boolean;
  /** As `up`, in the middle of a change. */
  serves(): boolean;
  /** How its Talos API presents itself, unless its faults say otherwise; `undefined` while it cannot be reached. */
  answers(): "running" | "maintenance" | undefined;
  /** When it was last up, on the monotonic clock; now while it is. */
  lastUp(): number;
  /** The boot that the cluster has seen last. */
  bootID(): string;
  /** The boot that it is really in. */
  kernel(): string;
  /** Ready since when, `undefined` while it is not up or still becoming Ready. */
  isReady(): boolean;
  /** The operating system hangs: nothing answers, the power stays on. */
  hang(): void;
  /** The network between it and everybody else is cut (`false` mends it). */
  isolate(cut?: boolean): void;
  /** Somebody or something other than Lightsout switches it, `inMs` from now; `ours` says that it was Lightsout. */
  press(to: "on" | "off", inMs?: number, ours?: boolean): void;
  /** A request has reached the BMC. */
  take(verb: ActVerb, run: string): void;
  /** The operating system was asked to shut down. */
  shutDown(ours?: boolean): void;
  /** Its Talos goes down by an act of ours; `before` is what it does last. */
  goDown(ending: "kexec" | "firmware" | "off", before?: () => void): void;
  /** Its Talos, in maintenance, was given a configuration. */
  install(configuration: string): void;
  /** Arms under which it was installed. */
  readonly armsUsed: Set<string>;
  /** What the BMC reads: the truth, unless its faults say otherwise. */
  asked(): "on" | "off" | undefined;
}

export interface Did {
  on: number;
  off: number;
  cordon: number;
  uncordon: number;
  taint: number;
  untaint: number;
  drain: number;
  /** Reboots asked of the operating system, and so on: acts of ours that were carried out. */
  reboot: number;
  shutdown: number;
  reset: number;
  upgrade: number;
  rollback: number;
  apply: number;
  bootstrap: number;
  etcdRemove: number;
  /** Its system was wiped, and installed anew on its disk, whoever did it. */
  wipe: number;
  install: number;
  /** Labels and taints were set that were not there; a serving certificate was approved. */
  settle: number;
  approve: number;
}

/** The counters of a machine to which nothing was done. */
export const nothingDone = (): Did => ({
  ...{ on: 0, off: 0, cordon: 0, uncordon: 0, taint: 0, untaint: 0, drain: 0 },
  ...{ reboot: 0, shutdown: 0, reset: 0, upgrade: 0, rollback: 0, apply: 0, bootstrap: 0, etcdRemove: 0 },
  ...{ wipe: 0, install: 0, settle: 0, approve: 0 },
});

/** What people and programs have set on its Node. */
export interface NodeMarks {
  exists: boolean;
  /** What it runs on, if that is not what the inventory says. */
  systemUUID: string | undefined;
  unschedulable: boolean;
  cordonedBy: string | undefined;
  taintedAt: number | undefined;
  hold: NodeView["hold"];
  labels: Record<string, string>;
  /** Key to `value:Effect`; the out-of-service taint is told apart. */
  taints: Record<string, string>;
}
