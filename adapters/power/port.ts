import type { Permit } from "#events";

/**
 * Out-of-band power of one machine. Reads are free; everything that changes the machine demands a permit.
 *
 * Every failure is a `DeviceError` whose `effect` says whether the request can have reached the device, or an
 * `UnsupportedError` for a missing capability. Verbs that are idempotent read the state first: `off` on a machine
 * that is off sends nothing and answers `already`. An act's identity check happens in the same session as its write:
 * a BMC that reports another machine's uuid or serial is refused (`LO_BMC_IDENTITY`, effect none).
 */
export interface Power {
  readonly machine: string;
  readonly protocol: "redfish" | "ipmi" | "amt" | "wol";
  /** What this machine's BMC can do, as declared by the protocol and found by discovery. */
  capabilities(signal?: AbortSignal): Promise<ReadonlySet<Capability>>;
  state(signal?: AbortSignal): Promise<PowerStatus>;
  on(permit: Permit): Promise<Receipt>;
  /** `graceful` asks the operating system (verb `power-off`), `hard` cuts the power (verb `force-off`). */
  off(permit: Permit, how: "graceful" | "hard"): Promise<Receipt>;
  /** One opaque reset. Only where `lastReset` or the boot id can prove it. */
  reset(permit: Permit): Promise<Receipt>;
  /**
   * Boots from `target` at the next start only; read back before it answers. `uri` is where `http` boots from, or an image: one that is put
   * into the virtual drive for `cd`, and taken out of it for `none`.
   */
  bootOnce(permit: Permit, target: BootTarget, uri?: string): Promise<Receipt>;
  /** The boot override as the BMC reads it back now. */
  bootOverride(signal?: AbortSignal): Promise<BootOverride>;
  identity(signal?: AbortSignal): Promise<BmcIdentity>;
  /** A fingerprint that changes when the host was reset or power-cycled, or `undefined` where the BMC has none. */
  lastReset(signal?: AbortSignal): Promise<string | undefined>;
  /** The newest entries of the system event log, newest last. Default limit 32. */
  eventLog(options?: { limit?: number }, signal?: AbortSignal): Promise<LogEntry[]>;
  /** Present draw in watts. */
  powerReading(signal?: AbortSignal): Promise<number>;
  /** Blinks the locator light for `seconds` (0 stops it). Harmless: needs no permit. */
  identify(seconds: number, signal?: AbortSignal): Promise<void>;
  /** Restarts the BMC itself, not the host. */
  resetController(permit: Permit): Promise<Receipt>;
  /** What the firmware is doing: an update running, or how far the boot is. */
  activity(signal?: AbortSignal): Promise<Activity>;
  /** Ends sessions and sockets. */
  close(): Promise<void>;
}

export type Capability =
  | "on"
  | "off"
  | "graceful-off"
  | "prove-off"
  | "reset"
  | "boot-once"
  | "boot-http"
  | "virtual-media"
  | "identity"
  | "last-reset"
  | "event-log"
  | "power-reading"
  | "identify"
  | "reset-controller"
  | "boot-progress";

/** `unknown` covers transitional states (PoweringOff), `null`, `Reset` and every value we do not know: never "off". */
export interface PowerStatus {
  readonly state: "on" | "off" | "unknown";
  /** The value as the BMC gave it, for evidence. */
  readonly raw: string;
}

/** What an actuating call did: `sent` = the BMC accepted the request (not: it happened), `already` = nothing was sent. */
export interface Receipt {
  readonly did: "sent" | "already";
  /** What the BMC answered, for evidence: a status code, a completion code, a task. */
  readonly answer: string;
}

export type BootTarget = "pxe" | "http" | "disk" | "cd" | "bios" | "none";

export interface BootOverride {
  readonly target: BootTarget | "other";
  readonly once: boolean;
  /** Where `http` boots from. */
  readonly uri?: string;
  readonly raw: string;
}

/** Who the BMC says it is. Placeholders are reported as given; judging them is the identity guard's work. */
export interface BmcIdentity {
  /** Every reading of the BMC's uuid that known byte orders allow, lower case with dashes; the likeliest first. */
  readonly uuids: readonly string[];
  readonly serial?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  /** Firmware version of the BMC. */
  readonly firmware?: string;
}

export interface LogEntry {
  /** ISO 8601, or `undefined` where the BMC's clock was not set. */
  readonly at?: string;
  readonly severity: "ok" | "warning" | "critical" | "unknown";
  readonly message: string;
  /** What the entry says of power, where it is known: the evidence "found off" is judged by. */
  readonly power?: "ac-lost" | "ac-restored" | "turned-off" | "turned-on" | "button";
}

export interface Activity {
  readonly firmwareUpdate: boolean;
  /** True while POST or the boot runs; `undefined` where the BMC does not tell. */
  readonly booting?: boolean;
  readonly raw: string;
}

/** What is worth knowing when a BMC is set up or looked over. What it does not tell is absent. */
export interface BmcAbout {
  /** The account that is logged in; `may` compares what it may do with what switching power needs. */
  readonly account?: { readonly role: string; readonly may?: "too-little" | "enough" | "too-much" };
  /** The BMC's own clock, milliseconds since the epoch. */
  readonly clock?: number;
  /** Of an IPMI session. */
  readonly cipherSuite?: number;
  /** Of the machine's network cards, lower case with colons. */
  readonly macs: readonly string[];
}

/** A BMC that can be looked over. */
export interface Surveyed {
  /** Several requests, all of them reads. */
  about(signal?: AbortSignal): Promise<BmcAbout>;
}

/** All machines' power, by name. Throws `LO_UNSUPPORTED` for a machine that declares no BMC. */
export interface Powers {
  of(machine: string): Power;
}
