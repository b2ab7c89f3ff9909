import { createHash, randomUUID } from "node:crypto";
import type { Clock } from "#events";

/** What is wrong with a simulated machine. Read at every use, so a test may change them at any time. */
export interface Faults {
  /** The operating system is dead: no kubelet, no reaction to a graceful off. A power cycle heals it. */
  hang: boolean;
  /** Extra milliseconds before a forced off has really happened. */
  slowOffMs: number;
  /** The BMC accepts a power request and nothing happens. */
  ignores: Set<HostAction>;
  /** The BMC reports Off while the machine runs on. */
  liesOff: boolean;
  /** The BMC does not answer at all. */
  bmcDead: boolean;
  /** The BMC refuses a request for the state it is in already (409, completion code D5). */
  refusesAlready: boolean;
  /** No standby power: the machine is off and its BMC is gone. */
  noMains: boolean;
  /** The BMC reports this identity instead of its own. */
  reports: Partial<HostIdentity> | undefined;
  /** Extra milliseconds in POST. */
  longPostMs: number;
  firmwareUpdate: boolean;
  /** Share of packets lost, 0 to 1 (UDP) and of connections dropped (TCP). */
  loss: number;
  /** The BMC's clock is wrong by so much. */
  bmcClockAheadMs: number;
  /** GPUs that do not come up after a boot. */
  missingGpus: number;
}

export interface HostIdentity {
  uuid: string;
  serial: string;
  manufacturer: string;
  model: string;
}

export type HostAction = "on" | "force-off" | "graceful-off" | "reset" | "cycle" | "nmi";
export type HostPower = "on" | "off" | "powering-on" | "powering-off";

export interface HostLogEntry {
  readonly at: number;
  readonly what: "power-on" | "power-off" | "reset" | "ac-lost" | "ac-restored" | "button" | "os-up" | "os-down";
  readonly via: string;
}

/** How a start came about: through POST, or from one kernel into the next. */
export type StartHow = "firmware" | "kexec";

/** What the BMC has set for the next start. */
export interface BootOverride {
  readonly target: string;
  readonly once: boolean;
  readonly mode: string;
  /** Where UEFI HTTP boot goes. */
  readonly uri?: string;
}

/**
 * Finds what the machine starts, at the end of POST or at once by kexec, and begins it. False: there is nothing to start. Aborted when the
 * power goes or the machine is reset meanwhile.
 */
export type Loader = (how: StartHow, override: BootOverride, signal: AbortSignal) => Promise<boolean>;

/** One simulated machine: power, firmware, operating system and GPUs. BMC and cluster simulators drive and read it. */
export interface Host {
  readonly name: string;
  readonly identity: HostIdentity;
  /** Of its network cards, the one that it boots from first. */
  readonly macs: readonly string[];
  readonly gpus: number;
  readonly faults: Faults;
  /** The truth. What a BMC answers is up to its simulator and the faults. */
  power(): HostPower;
  /** What the BMC would say of it. */
  reportedPower(): HostPower;
  /** Whether the operating system serves now. */
  osUp(): boolean;
  bootId(): string;
  gpusUp(): number;
  posting(): boolean;
  /** A request as it comes from a BMC or a finger. `already`: it is in that state; `done`: accepted. */
  press(action: HostAction, via: string): "done" | "already";
  /** From one kernel into the next: no POST, and whatever is set for the next start stays set. */
  kexec(): void;
  boot: BootOverride;
  /** What the firmware tries first when nothing else is set. @default "disk" */
  bootOrder: "disk" | "network";
  /** What is in the virtual drive of its BMC, as the URL it came from. */
  medium: string | undefined;
  /** Without one an operating system starts whatever happens. */
  loader: Loader | undefined;
  /** Passes time that the machine needs for its own work; it counts as busy. */
  work(ms: number, signal?: AbortSignal): Promise<void>;
  /** When power or reset last changed the host, clock milliseconds; for LastResetTime. */
  lastReset(): number;
  watts(): number;
  readonly log: readonly HostLogEntry[];
  /** How often power really went off, on, or was reset: what at-most-once is judged by. */
  readonly count: { off: number; on: number; reset: number };
  /** Milliseconds the machine itself was busy (going off, booting), for the demo's figures. */
  busyMs(): number;
  onChange(listener: () => void): () => void;
  mains(on: boolean): void;
}

/** A kernel that starts another one needs so long at most. */
const KEXEC_MS = 10_000;

/** The same name has the same address; locally administered. */
const macOf = (name: string) => `02${createHash("sha256").update(name).digest("hex").slice(0, 10).replace(/../g, ":$&")}`;

/** @param bootMs power on to operating system up; @param offMs forced off to really off; @param shutdownMs graceful off */
export function createHost(options: {
  name: string;
  clock: Clock;
  identity?: Partial<HostIdentity>;
  /** @default one of its own */
  macs?: readonly string[];
  gpus?: number;
  bootMs?: number;
  offMs?: number;
  shutdownMs?: number;
  power?: "on" | "off";
  faults?: Partial<Faults>;
}): Host {
  const { name, clock, gpus = 0, bootMs = 90_000, offMs = 4000, shutdownMs = 20_000 } = options;
  const identity: HostIdentity = {
    uuid: randomUUID(),
    serial: `SN-${name}`,
    manufacturer: "ACME",
    model: "Box1",
    ...options.identity,
  };
  const faults: Faults = {
    hang: false,
    slowOffMs: 0,
    ignores: new Set(),
    liesOff: false,
    bmcDead: false,
    refusesAlready: false,
    noMains: false,
    reports: undefined,
    longPostMs: 0,
    firmwareUpdate: false,
    loss: 0,
    missingGpus: 0,
    bmcClockAheadMs: 0,
    ...options.faults,
  };
  let power: HostPower = options.power ?? "on";
  let up = power === "on";
  let bootId: string = randomUUID();
  let posting = false;
  let lastReset = clock.now();
  let busy = 0;
  let boots = 0;
  let going = new AbortController();
  const log: HostLogEntry[] = [];
  const count = { off: 0, on: 0, reset: 0 };
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of listeners) listener();
  };
  const note = (what: HostLogEntry["what"], via: string) => log.push({ at: clock.now(), what, via });

  /** Ends whatever start was under way. */
  const interrupt = () => {
    boots += 1;
    going.abort(new Error(`${name} was stopped or started anew`));
    going = new AbortController();
    return boots;
  };
  const later = (ms: number, what: () => void) => {
    const mine = interrupt();
    busy += ms;
    void clock.sleep(ms).then(() => {
      if (mine === boots) {
        what();
        changed();
      }
    });
  };
  const stopOs = () => {
    if (up) note("os-down", "host");
    up = false;
  };
  const start = (via: string) => {
    power = "on";
    count.on += 1;
    lastReset = clock.now();
    note("power-on", via);
    boot("firmware");
  };
  const begin = () => {
    up = true;
    bootId = randomUUID();
    note("os-up", "host");
  };
  const boot = (how: StartHow) => {
    posting = how === "firmware";
    later(how === "firmware" ? bootMs + faults.longPostMs : Math.min(bootMs, KEXEC_MS), () => {
      posting = false;
      faults.hang = false;
      const override = host.boot;
      if (how === "firmware" && override.once) host.boot = { ...override, target: "none", once: false };
      const { loader } = host;
      if (!loader) return begin();
      const mine = boots;
      const from = clock.mono();
      const ended = (started: boolean) => {
        if (mine !== boots) return;
        busy += clock.mono() - from;
        if (started) begin();
        changed();
      };
      void loader(how, override, going.signal).then(ended, () => ended(false));
    });
  };
  const cut = (ms: number, via: string, then?: () => void) => {
    power = "powering-off";
    later(ms, () => {
      stopOs();
      posting = false;
      power = "off";
      count.off += 1;
      note("power-off", via);
      then?.();
    });
  };

  const host: Host = {
    name,
    identity,
    macs: options.macs ?? [macOf(name)],
    gpus,
    faults,
    power: () => power,
    reportedPower: () => (faults.liesOff ? "off" : power),
    osUp: () => up && !faults.hang && power !== "off",
    bootId: () => bootId,
    gpusUp: () => Math.max(0, gpus - faults.missingGpus),
    posting: () => posting,
    boot: { target: "none", once: false, mode: "UEFI" },
    bootOrder: "disk",
    medium: undefined,
    loader: undefined,
    kexec() {
      if (power !== "on" || !up) return;
      stopOs();
      boot("kexec");
      changed();
    },
    work(ms, signal) {
      busy += ms;
      return clock.sleep(ms, signal);
    },
    press(action, via) {
      const off = power === "off";
      if (faults.noMains || faults.ignores.has(action)) return "done";
      if (action === "on") {
        if (!off) return "already";
        start(via);
      } else if (off) return "already";
      else if (action === "force-off") cut(offMs + faults.slowOffMs, via);
      else if (action === "graceful-off") {
        if (!faults.hang && up) cut(shutdownMs, via);
      } else if (action === "cycle") cut(offMs + faults.slowOffMs, via, () => start(via));
      else if (action === "reset") {
        stopOs();
        count.reset += 1;
        lastReset = clock.now();
        note("reset", via);
        boot("firmware");
      }
      changed();
      return "done";
    },
    lastReset: () => lastReset,
    watts: () => (power === "off" ? 8 : up ? 180 + 120 * gpus : 120),
    log,
    count,
    busyMs: () => busy,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    mains(on) {
      faults.noMains = !on;
      interrupt();
      if (!on) {
        stopOs();
        power = "off";
        posting = false;
        note("ac-lost", "mains");
      } else note("ac-restored", "mains");
      changed();
    },
  };
  return host;
}
