import type { Machine } from "#adapters/inventory/port.ts";
import type { ActVerb, Clock } from "#events";
import { type BmcFaults, type FakePod, type HostFaults, honestBmc, honestHost } from "./faults.ts";

/** One simulated machine: its power, its operating system, its Node and its BMC. It changes by itself as the clock goes on. */
export interface FakeMachine {
  readonly name: string;
  readonly facts: Machine;
  readonly bmc: BmcFaults;
  readonly host: HostFaults;
  readonly node: NodeMarks;
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
  /** Its operating system runs and reaches the cluster. */
  up(): boolean;
  /** When it was last up, on the monotonic clock; now while it is. */
  lastUp(): number;
  bootID(): string;
  /** Ready since when, `undefined` while it is not up or still becoming Ready. */
  isReady(): boolean;
  /** The operating system hangs: nothing answers, the power stays on. */
  hang(): void;
  /** The network between it and everybody else is cut (`false` mends it). */
  isolate(cut?: boolean): void;
  /** Somebody or something other than Lightsout switches it, `inMs` from now. */
  press(to: "on" | "off", inMs?: number): void;
  /** A request has reached the BMC. */
  take(verb: ActVerb, run: string): void;
  /** The operating system was asked to shut down. */
  shutDown(): void;
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
}

/** What people and programs have set on its Node. */
export interface NodeMarks {
  exists: boolean;
  /** What it runs on, if that is not what the inventory says. */
  systemUUID: string | undefined;
  unschedulable: boolean;
  cordonedBy: string | undefined;
  taintedAt: number | undefined;
  hold: string | undefined;
}

const podsGoneMs = 3000;
const detachMs = 6000;

export function createFakeMachine(clock: Clock, facts: Machine): FakeMachine {
  const bmc = honestBmc();
  const host = honestHost();
  const writes: { verb: ActVerb; at: number; run: string }[] = [];
  const did: Did = { on: 0, off: 0, cordon: 0, uncordon: 0, taint: 0, untaint: 0, drain: 0 };
  const violations: string[] = [];
  let pending: { at: number; to: "on" | "off" }[] = [];
  let power: "on" | "off" = "on";
  let hung = false;
  let isolated = false;
  let boots = 1;
  let upAt = Number.NEGATIVE_INFINITY;
  let reportedBoot = `${facts.name}-boot-1`;
  let downAt = clock.mono();

  const runs = (now: number) => power === "on" && !hung && now >= upAt;
  /** Notes the last moment it was seen, and the boot it was seen in, before something changes. */
  const note = (now: number) => {
    if (!runs(now) || isolated) return;
    downAt = now;
    reportedBoot = `${facts.name}-boot-${boots}`;
  };
  const turn = (to: "on" | "off", at: number) => {
    if (to === power) return;
    note(at);
    did[to] += 1;
    power = to;
    hung = false;
    if (to === "off") return;
    boots += 1;
    upAt = host.neverBoots ? Number.POSITIVE_INFINITY : at + host.bootMs;
  };
  const advance = (): number => {
    const now = clock.mono();
    for (const { to, at } of pending.filter((item) => item.at <= now).sort((a, b) => a.at - b.at)) turn(to, at);
    pending = pending.filter((item) => item.at > now);
    note(now);
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
    exists: true,
    systemUUID: undefined,
    unschedulable: false,
    cordonedBy: undefined,
    taintedAt: undefined,
    hold: undefined,
  };

  const machine: FakeMachine = {
    name: facts.name,
    facts,
    bmc,
    host,
    node,
    pods: [],
    volumes: [],
    writes,
    did,
    violations,
    power() {
      advance();
      return power;
    },
    up: () => runs(advance()) && !isolated,
    lastUp() {
      advance();
      return downAt;
    },
    bootID() {
      advance();
      return reportedBoot;
    },
    isReady: () => {
      const now = advance();
      return runs(now) && !isolated && now >= upAt + host.readyMs && host.sick === undefined;
    },
    hang() {
      advance();
      hung = true;
    },
    isolate(cut = true) {
      advance();
      isolated = cut;
    },
    press(to, inMs = 0) {
      advance();
      pending.push({ to, at: clock.mono() + inMs });
    },
    take(verb, run) {
      const now = advance();
      writes.push({ verb, at: now, run });
    },
    shutDown() {
      if (runs(advance())) pending.push({ to: "off", at: clock.mono() + host.shutdownMs });
    },
    asked() {
      const now = advance();
      return pending.filter((item) => item.at > now).at(-1)?.to;
    },
  };
  return machine;
}
