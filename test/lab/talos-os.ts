import {
  type MachineStatusEvent_MachineStage,
  MachineStatusEventSchema,
  PhaseEventSchema,
  RestartEventSchema,
  SequenceEventSchema,
  TaskEventSchema,
} from "#adapters/os/talos/gen/events_pb.ts";
import type { Clock } from "#events";
import type { Host } from "./host.ts";
import { createLabEvents, type LabEvents } from "./talos-events.ts";

/** One of the two systems on the disk. */
export interface TalosSlot {
  readonly version: string;
  /** `undefined`: not made by an Image Factory. */
  readonly schematic: string | undefined;
}

/** What is wrong with a simulated Talos. Read at every use, so a test may change them at any time. */
export interface TalosFaults {
  /** Another sequence holds the lock: every sequence is acknowledged, and refused in the events alone. */
  locked: boolean;
  /** Every sequence is acknowledged, begins, and fails with these words. */
  sequenceFails: string | undefined;
  /** A drain that never ends: acknowledged, begun, and the machine stays up. */
  drainHangs: boolean;
  /**
   * What is wrong with a version: `crashes` (user space fails: falls back to the other slot), `hangs` (the kernel: falls back to
   * nothing), `needs-kexec` (starts by kexec, never from firmware).
   */
  readonly badVersions: Map<string, "crashes" | "hangs" | "needs-kexec">;
  /** How the installer ends: an exit code, or without one. */
  installer: number | "no-exit-code" | "refuses-late";
  /** etcd cannot be bootstrapped yet. */
  notReadyToBootstrap: boolean;
  /** Methods, as `Reboot`, that are carried out and whose answer is lost with the connection. */
  readonly loseAnswer: Set<string>;
  /** Methods that are never answered, and do nothing. */
  readonly silent: Set<string>;
  /** Methods that are carried out and answered with an empty message. */
  readonly empty: Set<string>;
  /** The identity it reports instead of its own. */
  reports: { uuid?: string; serial?: string } | undefined;
}

/** How a sequence leaves the machine. */
export type Ending = "kexec" | "firmware" | "off";

/** Talos on one simulated machine: two slots, what starts when the machine does, and the sequences that bring it down. */
export interface TalosOs {
  readonly host: Host;
  readonly faults: TalosFaults;
  readonly events: LabEvents;
  /** The systems on the disk; none before the first install. */
  slots: { a: TalosSlot | undefined; b: TalosSlot | undefined };
  /** The slot that starts next. */
  next: "a" | "b";
  /** Started instead of the disk at a boot by firmware, while it answers one. */
  netboot: () => TalosSlot | undefined;
  /** What runs. Before it serves, what ran last. */
  running(): TalosSlot;
  /** The whole machine configuration; `undefined` before it has one. */
  config: string | undefined;
  /** The boot after an upgrade is not confirmed yet. */
  upgradePending: boolean;
  stage(): string;
  ready(): boolean;
  /** Whether its API answers now: the machine is up, and what started on it works. */
  serving(): boolean;
  /** Every start of a system, oldest first. */
  readonly boots: { readonly how: "kexec" | "firmware"; readonly version: string }[];
  /** Starts a sequence as Talos does: the acknowledgement comes before anything is known. Returns the actor's id. */
  begin(sequence: string, ending: Ending, options?: { takesOver?: boolean; before?: () => void }): string;
  /** Puts an installed system into the slot that does not run, makes it the default. */
  install(slot: TalosSlot): void;
  /** Changes stage and tells it. */
  enter(stage: string, ready: boolean): void;
  /** Called whenever the operating system went down. */
  onDown(listener: () => void): void;
}

const stageNumbers = ["unknown", "booting", "installing", "maintenance", "running", "rebooting", "shutting down", "resetting", "upgrading"];

export function createTalosOs(options: {
  host: Host;
  clock: Clock;
  slot: TalosSlot | undefined;
  config: string | undefined;
  /** From the start of the system to ready. */
  readyMs?: number;
}): TalosOs {
  const { host, clock, readyMs = 10_000 } = options;
  const events = createLabEvents();
  const downs = new Set<() => void>();
  let stage = "unknown";
  let ready = false;
  let running: TalosSlot = options.slot ?? { version: "v0.0.0", schematic: undefined };
  let hung = true;
  let bootId = "";
  let up = false;
  let kexec: { readonly restore: Host["boot"] } | undefined;
  let busy: string | undefined;
  let actors = 0;

  const os: TalosOs = {
    host,
    events,
    faults: {
      locked: false,
      sequenceFails: undefined,
      drainHangs: false,
      badVersions: new Map(),
      installer: 0,
      notReadyToBootstrap: false,
      loseAnswer: new Set(),
      silent: new Set(),
      empty: new Set(),
      reports: undefined,
    },
    slots: { a: options.slot, b: undefined },
    next: "a",
    netboot: () => undefined,
    running: () => running,
    config: options.config,
    upgradePending: false,
    stage: () => stage,
    ready: () => ready,
    serving: () => host.osUp() && !hung,
    boots: [],
    begin(sequence, ending, { takesOver = false, before } = {}) {
      actors += 1;
      const actor = `${host.name}-actor-${actors}`;
      const tell = (action: 0 | 1 | 2, error?: { code: 0 | 1; message: string }) =>
        events.emit(SequenceEventSchema, { sequence, action, ...(error ? { error } : {}) }, actor);
      void clock.sleep(50).then(async () => {
        if ((os.faults.locked || busy !== undefined) && !takesOver) return tell(0, { code: 1, message: "sequence is locked" });
        busy = sequence;
        tell(1);
        events.emit(PhaseEventSchema, { phase: "drain", action: 0 }, actor);
        if (os.faults.drainHangs) return;
        if (os.faults.sequenceFails !== undefined) {
          busy = undefined;
          return tell(0, { code: 0, message: os.faults.sequenceFails });
        }
        os.enter(
          { reboot: "rebooting", shutdown: "shutting down", reset: "resetting", upgrade: "upgrading" }[sequence] ?? "rebooting",
          true,
        );
        events.emit(TaskEventSchema, { task: "stopAllServices", action: 0 }, actor);
        events.emit(RestartEventSchema, { cmd: { kexec: 1163412803n, firmware: 19088743n, off: 1126301404n }[ending] }, actor);
        await clock.sleep(200);
        before?.();
        if (ending === "off") host.press("graceful-off", "talos");
        else {
          // By kexec no firmware runs: whatever is set for the next boot stays set.
          if (ending === "kexec") {
            kexec = { restore: host.boot };
            host.boot = { ...host.boot, target: "none", once: false };
          }
          host.press("reset", "talos");
        }
      });
      return actor;
    },
    install(slot) {
      const other = os.slots.a && os.next === "a" && os.slots.a === running ? "b" : os.slots.b === running ? "a" : os.slots.a ? "b" : "a";
      os.slots[other] = slot;
      os.next = other;
    },
    enter(now, isReady) {
      stage = now;
      ready = isReady;
      const unmetConditions = isReady ? [] : [{ name: "services", reason: "kubelet not healthy" }];
      events.emit(MachineStatusEventSchema, {
        stage: Math.max(0, stageNumbers.indexOf(now)) as MachineStatusEvent_MachineStage,
        status: { ready: isReady, unmetConditions },
      });
    },
    onDown(listener) {
      downs.add(listener);
    },
  };

  const boot = () => {
    const how = kexec ? "kexec" : "firmware";
    if (kexec) host.boot = kexec.restore;
    kexec = undefined;
    busy = undefined;
    events.clear();
    const slot = (how === "firmware" ? os.netboot() : undefined) ?? os.slots[os.next];
    hung = true;
    if (!slot) return;
    const fate = os.faults.badVersions.get(slot.version);
    os.boots.push({ how, version: slot.version });
    if (fate === "hangs" || (fate === "needs-kexec" && how === "firmware")) return;
    if (fate === "crashes") {
      // Only what started and then failed falls back, and only once.
      if (os.upgradePending) os.next = os.next === "a" ? "b" : "a";
      os.upgradePending = false;
      void clock.sleep(1000).then(() => host.press("reset", "talos"));
      return;
    }
    running = slot;
    hung = false;
    os.enter(os.config === undefined ? "maintenance" : "booting", os.config === undefined);
    const mine = host.bootId();
    if (os.config === undefined) return;
    void clock.sleep(readyMs).then(() => {
      if (host.bootId() !== mine || !os.serving() || stage !== "booting") return;
      os.upgradePending = false;
      os.enter("running", true);
    });
  };
  const look = () => {
    const now = host.osUp();
    if (up && !now) {
      events.clear();
      for (const down of downs) down();
    }
    if (now && host.bootId() !== bootId) {
      bootId = host.bootId();
      boot();
    }
    up = now;
  };
  host.onChange(look);
  look();
  if (os.serving() && os.config !== undefined) os.enter("running", true);
  return os;
}
