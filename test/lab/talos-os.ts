import {
  type MachineStatusEvent_MachineStage,
  MachineStatusEventSchema,
  PhaseEventSchema,
  RestartEventSchema,
  SequenceEventSchema,
  TaskEventSchema,
} from "#adapters/os/talos/gen/events_pb.ts";
import type { Clock } from "#events";
import type { BootOverride, Host, StartHow } from "./host.ts";
import { type LabConfig, readLabConfig } from "./talos-config.ts";
import { createLabEvents, type LabEvents } from "./talos-events.ts";
import { createTalosFaults, type TalosFaults } from "./talos-faults.ts";
import { type Life, live } from "./talos-life.ts";
import type { TalosSlot, TalosStorage } from "./talos-storage.ts";

export type { TalosFaults } from "./talos-faults.ts";
export type { TalosSlot } from "./talos-storage.ts";

/** How a sequence leaves the machine. */
export type Ending = "kexec" | "firmware" | "off";

/** What firmware found to start. */
export interface Found {
  readonly slot: TalosSlot;
  readonly from: "disk" | "network" | "medium";
  /** Of the kernel. */
  readonly args: readonly string[];
}

/** Something that is not as it must be before the machine counts as ready. */
export interface Unmet {
  readonly name: string;
  readonly reason: string;
}

/** Talos on one simulated machine: two slots, what starts when the machine does, and the sequences that bring it down. */
export interface TalosOs {
  readonly host: Host;
  readonly clock: Clock;
  readonly faults: TalosFaults;
  readonly events: LabEvents;
  readonly storage: TalosStorage;
  /** The systems on the disk; none before the first install. */
  slots: TalosStorage["slots"];
  /** What runs. Before it serves, what ran last. */
  running(): TalosSlot;
  /** The whole machine configuration that it runs with; `undefined` before it has one. What is set is also written to an installed disk. */
  config: string | undefined;
  /** What the lab reads of it, or where the machine is down, of the one on its disk. */
  reading(): LabConfig | undefined;
  /** The boot after an upgrade is not confirmed yet. */
  upgradePending: boolean;
  stage(): string;
  ready(): boolean;
  unmet(): readonly Unmet[];
  /** Whether its API answers now: the machine is up, and what started on it works. */
  serving(): boolean;
  /** It starts, and nothing listens yet. */
  starting(): boolean;
  /** Its services run, or try to: the kubelet, and etcd on a control plane. */
  servicesRun(): boolean;
  /** Every start of a system, oldest first. */
  readonly boots: { readonly how: StartHow; readonly version: string }[];
  /** What it has written to its console since it was started last. */
  readonly console: readonly string[];
  say(line: string): void;
  /**
   * Starts a sequence as Talos does: the acknowledgement comes before anything is known. Returns the actor's id.
   * @param options.work what it does before the machine goes down; when that throws the sequence has failed, and the machine stays up
   */
  begin(sequence: string, ending: Ending, options?: { takesOver?: boolean; work?: () => void | Promise<void> }): string;
  /** Puts an installed system into the slot that does not run, makes it the default. */
  install(slot: TalosSlot): void;
  /** Takes a complete configuration: installs where nothing is installed, and otherwise runs with it. */
  configure(text: string): void;
  /** Changes stage and tells it. */
  enter(stage: string, ready: boolean): void;
  /** Called whenever the operating system went down. */
  onDown(listener: () => void): void;
}

export interface TalosOsOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly storage: TalosStorage;
  /** What runs at the start on a machine that is on. */
  readonly slot: TalosSlot;
  /** Finds what to start. @default the system on the disk, whatever was set */
  readonly firmware?: (override: BootOverride, signal: AbortSignal) => Promise<Found | undefined>;
  /** Of a control plane: comes to an end when its etcd is healthy. @default at once */
  readonly startEtcd?: (pause: (ms: number) => Promise<void>) => Promise<void>;
  /** Its Node is Ready. @default always */
  readonly nodeReady?: (node: string) => boolean;
  /** From the start of the system to running. @default 10 s */
  readonly readyMs?: number;
}

const stageNumbers = ["unknown", "booting", "installing", "maintenance", "running", "rebooting", "shutting down", "resetting", "upgrading"];
const stageOf: Readonly<Record<string, string>> = {
  reboot: "rebooting",
  shutdown: "shutting down",
  reset: "resetting",
  upgrade: "upgrading",
  install: "installing",
};

export function createTalosOs(options: TalosOsOptions): TalosOs {
  const { host, clock, storage, nodeReady = () => true } = options;
  const events = createLabEvents();
  const downs = new Set<() => void>();
  const console: string[] = [];
  let stage = "unknown";
  let ready = false;
  let running = options.slot;
  let config: string | undefined;
  let open = false;
  let services = false;
  let begun = false;
  let bootId = "";
  let up = false;
  let start: (Found & { readonly how: StartHow }) | undefined;
  let life = new AbortController();
  let busy: string | undefined;
  let actors = 0;
  let read: { readonly text: string; readonly config: LabConfig | undefined } | undefined;

  const nodeName = () => os.reading()?.hostname ?? host.name;
  const isReady = () => nodeReady(nodeName());
  const fromDisk = (): Found | undefined => {
    const slot = storage.slots[storage.next];
    return slot && { slot, from: "disk", args: [] };
  };
  /** Passes time of this boot; rejects when it has ended, or hangs. */
  const passing = (pass: (ms: number, signal: AbortSignal) => Promise<void>, signal: AbortSignal) => async (ms: number) => {
    await pass(ms, signal);
    if (!host.osUp()) throw new Error("it hangs");
  };

  const os: TalosOs = {
    host,
    clock,
    events,
    storage,
    faults: createTalosFaults(),
    get slots() {
      return storage.slots;
    },
    set slots(slots) {
      storage.slots = slots;
    },
    running: () => running,
    get config() {
      return config;
    },
    set config(text) {
      config = text;
      if (storage.slots.a || storage.slots.b || text === undefined) storage.config = text;
    },
    reading() {
      const text = up ? config : storage.config;
      if (text === undefined) return undefined;
      if (read?.text !== text) read = { text, config: readLabConfig(text) };
      return read.config;
    },
    get upgradePending() {
      return storage.upgradePending;
    },
    set upgradePending(pending) {
      storage.upgradePending = pending;
    },
    stage: () => stage,
    ready: () => ready && os.unmet().length === 0,
    unmet() {
      if (stage !== "booting" && stage !== "running") return [];
      if (!ready && stage === "booting") return [{ name: "services", reason: "kubelet not healthy" }];
      return isReady() ? [] : [{ name: "nodeReady", reason: `node "${nodeName()}" status is not available yet` }];
    },
    serving: () => host.osUp() && open,
    starting: () => host.osUp() && begun && !open,
    servicesRun: () => os.serving() && services,
    boots: [],
    console,
    say: (line) => console.push(line),
    begin(sequence, ending, { takesOver = false, work } = {}) {
      actors += 1;
      const actor = `${host.name}-actor-${actors}`;
      const { signal } = life;
      const pause = passing(clock.sleep, signal);
      const tell = (action: 0 | 1 | 2, error?: { code: 0 | 1; message: string }) => {
        events.emit(SequenceEventSchema, { sequence, action, ...(error ? { error } : {}) }, actor);
        if (error) os.say(`${sequence} sequence: ${error.message}`);
      };
      const fail = (message: string) => {
        busy = undefined;
        tell(0, { code: 0, message });
      };
      const run = async () => {
        await pause(50);
        if ((os.faults.locked || busy !== undefined) && !takesOver) return tell(0, { code: 1, message: "sequence is locked" });
        busy = sequence;
        tell(1);
        events.emit(PhaseEventSchema, { phase: sequence === "install" ? "install" : "drain", action: 0 }, actor);
        if (os.faults.drainHangs) return;
        if (os.faults.sequenceFails !== undefined) return fail(os.faults.sequenceFails);
        os.enter(stageOf[sequence] ?? "rebooting", true);
        const failure = await Promise.resolve(work?.()).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (signal.aborted) return;
        if (failure !== undefined) return fail(failure instanceof Error ? failure.message : String(failure));
        events.emit(TaskEventSchema, { task: "stopAllServices", action: 0 }, actor);
        events.emit(RestartEventSchema, { cmd: { kexec: 1163412803n, firmware: 19088743n, off: 1126301404n }[ending] }, actor);
        await pause(200);
        if (ending === "off") host.press("graceful-off", "talos");
        else if (ending === "kexec" && fromDisk()) host.kexec();
        else host.press("reset", "talos");
      };
      void run().catch(() => undefined);
      return actor;
    },
    install(slot) {
      const { slots } = storage;
      const other = slots.a && storage.next === "a" && slots.a === running ? "b" : slots.b === running ? "a" : slots.a ? "b" : "a";
      slots[other] = slot;
      storage.next = other;
    },
    configure(text) {
      void live.configured(alive(), text).catch(() => undefined);
    },
    enter(now, isReady) {
      stage = now;
      ready = isReady;
      events.emit(MachineStatusEventSchema, {
        stage: Math.max(0, stageNumbers.indexOf(now)) as MachineStatusEvent_MachineStage,
        status: { ready: os.ready(), unmetConditions: [...os.unmet()] },
      });
    },
    onDown(listener) {
      downs.add(listener);
    },
  };

  /** What one life of the system may do, until it ends. */
  const alive = (): Life => ({
    os,
    clock,
    pause: passing(clock.sleep, life.signal),
    work: passing(host.work, life.signal),
    signal: life.signal,
    readyMs: options.readyMs ?? 10_000,
    startEtcd: options.startEtcd ?? (async () => undefined),
    nodeReady: isReady,
    runs(slot) {
      running = slot;
      begun = true;
    },
    serve() {
      open = true;
    },
    runServices(run) {
      services = run;
    },
    /** In memory begun: the disk is another matter. */
    take(text) {
      config = text;
    },
  });

  const end = () => {
    life.abort(new Error(`${host.name} went down`));
    life = new AbortController();
    [config, open, services, begun, busy] = [undefined, false, false, false, undefined];
    events.clear();
  };
  const look = () => {
    const now = host.osUp();
    if (up && !now) {
      end();
      for (const down of downs) down();
    }
    if (now && host.bootId() !== bootId) {
      bootId = host.bootId();
      end();
      up = now;
      if (start) void live.start(alive(), start).catch(() => undefined);
    }
    up = now;
  };
  host.loader = async (how, override, signal) => {
    console.length = 0;
    const found = how === "kexec" ? fromDisk() : await (options.firmware ?? (async () => fromDisk()))(override, signal);
    start = found && { ...found, how };
    return found !== undefined;
  };
  if (host.osUp()) {
    [bootId, up, open, config] = [host.bootId(), true, true, storage.config];
    os.boots.push({ how: "firmware", version: running.version });
    services = config !== undefined;
    if (services) os.enter("booting", false);
    os.enter(services ? "running" : "maintenance", true);
  }
  host.onChange(look);
  return os;
}
