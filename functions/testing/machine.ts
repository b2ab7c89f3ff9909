import type { Machine } from "#adapters/inventory/port.ts";
import type { BootTarget } from "#adapters/power/port.ts";
import type { ActVerb } from "#events";
import { install, type Starting, type Surroundings, start } from "./boot.ts";
import { fakeVersion } from "./configs.ts";
import { type BmcFaults, type FakePod, type HostFaults, honestBmc, honestHost } from "./faults.ts";
import { createFakeSystem, type FakeSystem } from "./system.ts";

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
  hold: string | undefined;
  labels: Record<string, string>;
  /** Key to `value:Effect`; the out-of-service taint is told apart. */
  taints: Record<string, string>;
}

const podsGoneMs = 3000;
const detachMs = 6000;
/** From the acknowledgement of a sequence to the end of the system. */
const teardownMs = 2000;
/** For how long a machine that is found off was away. */
const longAgoMs = 3_600_000;

/** @param how how it is found: `on` and in service, `off`, or `blank`, which is off with nothing on its disk */
export function createFakeMachine(facts: Machine, around: Surroundings, how: "on" | "off" | "blank"): FakeMachine {
  const { timeline, etcd, configs } = around;
  const { name } = facts;
  const bmc = honestBmc();
  const host = honestHost();
  const writes: { verb: ActVerb; at: number; run: string }[] = [];
  const did = nothingDone();
  const violations: string[] = [];
  const { schematic } = configs.declared(name);
  const system = createFakeSystem(
    name,
    how === "blank" ? undefined : { slot: { version: fakeVersion, schematic }, configuration: configs.text(name) },
  );
  let asks: { readonly to: "on" | "off" }[] = [];
  let power: "on" | "off" = how === "on" ? "on" : "off";
  let hung = false;
  let isolated = false;
  let mode: "running" | "maintenance" = "running";
  let life = 0;
  let boots = 1;
  let upAt = how === "on" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  let reportedBoot = `${name}-boot-1`;
  let downAt = how === "on" ? timeline.now() : timeline.now() - longAgoMs;

  const reaches = () => power === "on" && !hung && !isolated && timeline.now() >= upAt;
  const serves = () => reaches() && mode === "running";
  /** Notes the last moment it was seen, and the boot it was seen in, before something changes. */
  const note = () => {
    if (!serves()) return;
    downAt = timeline.now();
    reportedBoot = `${name}-boot-${boots}`;
  };
  const change = (ours: boolean, what: string, work: () => void) => {
    note();
    etcd.during({ ours, what: `${name} ${what}` }, work);
  };
  const starting: Starting = {
    later(ms, happen) {
      const mine = life;
      timeline.after(ms, () => {
        if (mine === life && !hung) happen();
      });
    },
    answers(inMs, slot, as) {
      system.running = slot;
      mode = as;
      upAt = timeline.now() + inMs;
      starting.later(inMs, () => {
        system.stage = as;
        if (as === "maintenance") return;
        node.exists = true;
        etcd.came();
        starting.later(host.readyMs, () => {
          if (host.sick === undefined) system.upgradePending = false;
        });
      });
    },
    restart: (by) => change(true, `was restarted`, () => launch(by)),
  };
  const launch = (by: "firmware" | "kexec") => {
    life += 1;
    boots += 1;
    hung = false;
    upAt = Number.POSITIVE_INFINITY;
    system.stage = "booting";
    start(machine, by, around, starting);
  };
  const turn = (to: "on" | "off", ours: boolean) => {
    if (to === power) return;
    did[to] += 1;
    change(ours, `was switched ${to}`, () => {
      power = to;
      life += 1;
      hung = false;
      upAt = Number.POSITIVE_INFINITY;
    });
    if (to === "on") launch("firmware");
  };
  const advance = (): number => {
    const now = timeline.catchUp();
    note();
    forceDetach(now);
    return now;
  };
  const forceDetach = (now: number) => {
    const { taintedAt } = node;
    if (taintedAt === undefined) return;
    if (power === "on" && now === downAt) return;
    if (now >= taintedAt + podsGoneMs)
      machine.pods = machine.pods.filter((pod) => pod.daemonSet || pod.mirror || pod.toleratesOutOfService);
    if (now >= taintedAt + detachMs && !host.volumesStuck) machine.volumes = [];
  };
  const node: NodeMarks = {
    exists: how !== "blank",
    systemUUID: undefined,
    unschedulable: false,
    cordonedBy: undefined,
    taintedAt: undefined,
    hold: undefined,
    labels: {},
    taints: {},
  };

  const machine: FakeMachine = {
    name,
    facts,
    bmc,
    host,
    node,
    system,
    override: { target: "none", once: false },
    pods: [],
    volumes: [],
    writes,
    did,
    violations,
    armsUsed: new Set(),
    serves,
    power() {
      advance();
      return power;
    },
    up() {
      advance();
      return serves();
    },
    answers() {
      advance();
      return reaches() ? mode : undefined;
    },
    lastUp() {
      advance();
      return downAt;
    },
    bootID() {
      advance();
      return reportedBoot;
    },
    kernel() {
      advance();
      return `${name}-boot-${boots}`;
    },
    isReady() {
      const now = advance();
      return serves() && now >= upAt + host.readyMs && host.sick === undefined && around.networked();
    },
    hang() {
      advance();
      change(false, "hung", () => {
        hung = true;
      });
    },
    isolate(cut = true) {
      advance();
      change(false, "was cut off", () => {
        isolated = cut;
      });
      if (!cut) etcd.came();
    },
    press(to, inMs = 0, ours = false) {
      advance();
      const ask = { to };
      asks.push(ask);
      timeline.after(inMs, () => {
        asks = asks.filter((item) => item !== ask);
        turn(to, ours);
      });
    },
    take(verb, run) {
      const now = advance();
      writes.push({ verb, at: now, run });
    },
    shutDown(ours = false) {
      advance();
      if (power !== "on" || hung || timeline.now() < upAt) return;
      system.stage = "shutting-down";
      machine.press("off", host.shutdownMs, ours);
    },
    goDown(ending, before) {
      starting.later(teardownMs, () => {
        before?.();
        if (ending === "off") turn("off", true);
        else starting.restart(ending);
      });
    },
    install(configuration) {
      const { running } = system;
      if (running) install(machine, configuration, around, starting, running);
    },
    asked() {
      advance();
      return asks.at(-1)?.to;
    },
  };
  return machine;
}
