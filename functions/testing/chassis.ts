import type { Machine } from "#adapters/inventory/port.ts";
import type { ActVerb } from "#events";
import { install, type Starting, type Surroundings, start } from "./boot.ts";
import { honestBmc, honestHost } from "./faults.ts";
import { type FakeMachine, type NodeMarks, nothingDone } from "./machine.ts";
import { createFakeSystem } from "./system.ts";

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
  const { version, schematic } = configs.declared(name);
  const system = createFakeSystem(name, how === "blank" ? undefined : { slot: { version, schematic }, configuration: configs.text(name) });
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
  const change = (work: () => void) => {
    note();
    work();
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
    restart: (by) => change(() => launch(by)),
  };
  const launch = (by: "firmware" | "kexec") => {
    etcd.went(name);
    life += 1;
    boots += 1;
    hung = false;
    upAt = Number.POSITIVE_INFINITY;
    system.stage = "booting";
    start(machine, by, around, starting);
  };
  const turn = (to: "on" | "off") => {
    if (to === power) return;
    did[to] += 1;
    change(() => {
      etcd.went(name);
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
      change(() => {
        hung = true;
      });
    },
    isolate(cut = true) {
      advance();
      change(() => {
        isolated = cut;
      });
      if (!cut) etcd.came();
    },
    press(to, inMs = 0, ours = false) {
      advance();
      const ask = { to };
      asks.push(ask);
      if (ours && to === "off" && power === "on") etcd.asked(name, `${name} was switched off`);
      timeline.after(inMs, () => {
        asks = asks.filter((item) => item !== ask);
        turn(to);
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
      etcd.asked(name, `${name} was told to go down`);
      starting.later(teardownMs, () => {
        before?.();
        if (ending === "off") turn("off");
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
