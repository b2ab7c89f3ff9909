import type { Duration } from "#events";

/** Netboot as functions use it: what a machine would load, the arms that let it, and how it is made to ask. */
export interface Netboot {
  readonly arms: Pick<Arms, "arm" | "of" | "consume" | "disarm">;
  /**
   * What the machine is to load: kernel, initramfs and arguments of its declared schematic and version, with every file in the cache, so that
   * booting it needs nobody else. Throws `LO_ASSET` or `LO_BOOT_PROFILE`.
   */
  prepare(machine: string, options: { readonly wipe: boolean }, signal?: AbortSignal): Promise<BootProfile>;
  /** How the machine is led to the network, as its configuration declares it. */
  way(machine: string): BootWay;
}

/**
 * `pxe`: a one-time override of the BMC, then DHCP and iPXE. `http`: a one-time UEFI HTTP boot from our own address (Redfish HttpBootUri).
 * `media`: a Talos image as Redfish virtual media; the machine waits in maintenance and is configured over its API. `first`: the network comes
 * first in the firmware's own boot order, and our script sends it to its disk whenever it is not armed; nothing is set.
 */
export type BootWay =
  | { readonly by: "pxe" }
  | { readonly by: "http"; readonly uri: string }
  | { readonly by: "media"; readonly uri: string }
  | { readonly by: "first" };

/**
 * Netboot: which machine may load what from the network, once. A machine that is not armed boots its own disk; that is also the answer
 * to every doubt (an unknown machine, a contradiction, a store that does not answer).
 *
 * An arm goes `armed → taken → consumed`, or to `disarmed` from anywhere, and never back. Only while it is `armed` does a script offer a
 * kernel: once the configuration has been handed out every further boot falls through to the disk, so that no machine installs twice.
 */
export interface Arms {
  /**
   * Lets `machine` netboot `profile` once, for `run`, for as long as `within` says. Again for the same run it answers the same token while nothing was
   * handed out, and a new one after it expired unused.
   *
   * Throws `LO_ARMED` while another run's arm is open, `LO_ARM_SPENT` when this run's arm was used or taken back, and `LO_BOOT_PROFILE` for
   * a profile that cannot stand in an iPXE script. The token is a secret: it opens the machine configuration. It belongs into no step's result.
   */
  arm(machine: string, request: ArmRequest): Promise<string>;
  /** The machine's last arm, without its token. */
  of(machine: string): Promise<Arm | undefined>;
  /** Every machine's last arm, without tokens. */
  all(): Promise<readonly Arm[]>;
  /** What the machine's script may offer now, with the script's reading recorded; `undefined` where it is to boot its disk. */
  script(machine: string): Promise<Offer | undefined>;
  /** The arm whose kernel and initramfs this token opens now. */
  open(token: string): Promise<Arm | undefined>;
  /** Whose configuration this token may open, now or after a wipe. Says nothing about whether it is handed out: `take` does. */
  owner(token: string): Promise<Pick<Arm, "machine" | "run"> | undefined>;
  /** Records that a file of the arm was sent whole. With `wipe`, a sent initramfs ends the wiping boot: the next script installs. */
  sent(token: string, stage: "kernel-sent" | "initramfs-sent", detail: string): Promise<void>;
  /**
   * Hands the configuration out, to one address only: of two who ask at once one is refused. The same address may ask again for a short
   * while, since an answer can be lost on its way.
   */
  take(token: string, peer: string): Promise<Taken>;
  /** Ends the arm because the machine has proven that it has its configuration. True for the one caller that ended it. */
  consume(machine: string, run: string, proof: string): Promise<boolean>;
  /**
   * Takes the arm back. Repeatable; an arm of another run is left alone, as is one that was consumed. Without `run` (a person's word) it
   * takes back whatever there is. Answers the arm that stands.
   */
  disarm(machine: string, options: { readonly run?: string; readonly why: string }): Promise<Arm | undefined>;
}

/** What a run asks for. */
export interface ArmRequest {
  readonly run: string;
  readonly profile: BootProfile;
  /** From now; past it the arm opens nothing. */
  readonly within: Duration;
}

/** What a machine loads: kernel, initramfs and arguments of its own schematic. */
export interface BootProfile {
  /** Path among the boot assets: `<schematic>/<version>/kernel-amd64`. */
  readonly kernel: string;
  readonly initramfs: string;
  /** Kernel arguments as Talos is to see them, one each; `talos.config` is added by the boot server. */
  readonly args: readonly string[];
  /**
   * The first boot wipes the system disk (`talos.experimental.wipe=system`), so that an old configuration on it cannot win over the one
   * served. That argument wipes at every boot that has it: it is offered until its initramfs was sent, and never again.
   */
  readonly wipe?: boolean;
}

/** What was seen of an arm. `config-sent` is when the configuration left, `consumed` when its arrival was proven. */
export type Stage = "armed" | "script-fetched" | "kernel-sent" | "initramfs-sent" | "config-sent" | "consumed" | "disarmed";

export interface Evidence {
  readonly stage: Stage;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly detail: string;
}

export interface Arm {
  readonly machine: string;
  readonly run: string;
  readonly profile: BootProfile;
  readonly state: "armed" | "taken" | "consumed" | "disarmed";
  /** The next script wipes rather than installs. */
  readonly wiping: boolean;
  /** Milliseconds since the epoch; from then on it opens nothing. */
  readonly expires: number;
  /** Oldest first; the newest 32. */
  readonly evidence: readonly Evidence[];
}

/** An arm with the token that its script carries. */
export interface Offer {
  readonly arm: Arm;
  readonly token: string;
}

/** Whether the configuration may be handed out, or why not. */
export type Taken = { readonly ok: true; readonly arm: Arm } | { readonly ok: false; readonly why: string };

/** A machine as the boot server tells it from others; those of the inventory are such. */
export interface Bootable {
  readonly name: string;
  readonly uuid?: string;
  readonly serial?: string;
  readonly macs: readonly string[];
}

/**
 * How a machine leaves iPXE for its disk. `auto` exits with success on BIOS and with an error on UEFI, which most firmware takes for "try
 * the next one"; `exit` and `exit-1` do one of these on either; `sanboot` starts the first disk itself, for a BIOS that hangs on `exit`.
 */
export type DiskBoot = "auto" | "exit" | "exit-1" | "sanboot";

/** A file that can be served: its checksum is known and was right when it was stored. */
export interface CachedAsset {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}
