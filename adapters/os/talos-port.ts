import type { Permit } from "#events";
import type { TalosEtcd } from "./talos-etcd.ts";
import type {
  Extension,
  MachineStatus,
  PciDevice,
  SequenceEnd,
  SystemInformation,
  TalosDisk,
  TalosEvent,
  TalosMember,
  TalosNode,
  TalosPresence,
  TalosVersion,
} from "./talos-facts.ts";

/** The Talos machine API of every machine, one direct connection each. */
export interface TalosMachines {
  /** Throws `LO_TALOS_UNREACHABLE` for a machine without a known address. Asks nobody. */
  of(machine: string): Talos;
  /** What we log in with, so that its end can be announced in time. */
  credential(): TalosCredential;
  close(): Promise<void>;
}

export interface TalosCredential {
  /** End of the client certificate, milliseconds since the epoch. */
  readonly expiresAt: number;
  /** `os:admin`, `os:operator`, `os:reader`, … as written in the certificate. */
  readonly roles: readonly string[];
}

/**
 * The operating system of one machine, over its own API and never through another machine.
 *
 * Reads are free; everything that changes the machine demands a permit and is sent at most once. An acknowledgement is not an
 * outcome: Talos says OK to a sequence that it then refuses, so whoever acts follows the `actor` or proves the outcome (boot id,
 * version, schematic). Before an act the machine is asked who it is, in the same session: another machine's uuid or serial is
 * refused (`LO_TALOS_IDENTITY`, effect none).
 *
 * Every failure is a `DeviceError`, or an `UnsupportedError` for what this machine's version does not have. Effect is `none` where
 * nothing was sent or the machine said no, `unknown` where the answer to a sent request was lost.
 */
export interface Talos {
  readonly machine: string;
  /** Who answers on the Talos port, judged by the TLS handshake alone. Never throws, except that the signal aborts it. */
  presence(signal?: AbortSignal): Promise<TalosPresence>;
  version(signal?: AbortSignal): Promise<TalosVersion>;
  /** Changes at every start of a kernel, kexec included. Needs os:admin before 1.14. */
  bootId(signal?: AbortSignal): Promise<string>;
  /** The Image Factory schematic that is running; `undefined` for an image that was not made by a factory. */
  schematic(signal?: AbortSignal): Promise<string | undefined>;
  /** System extensions of the running image. */
  extensions(signal?: AbortSignal): Promise<readonly Extension[]>;
  /** Test stage and ready together: most stages are always "ready". */
  status(signal?: AbortSignal): Promise<MachineStatus>;
  /** True while the boot after an upgrade is not confirmed: a failure now would boot the old version again. */
  upgradePending(signal?: AbortSignal): Promise<boolean>;
  system(signal?: AbortSignal): Promise<SystemInformation>;
  disks(signal?: AbortSignal): Promise<readonly TalosDisk[]>;
  pciDevices(signal?: AbortSignal): Promise<readonly PciDevice[]>;
  /** NVIDIA display controllers on the bus, whether or not a driver serves them. */
  nvidiaGpus(signal?: AbortSignal): Promise<number>;
  /** What it gives its kubelet to be in the cluster; `undefined` while it has not come so far. */
  node(signal?: AbortSignal): Promise<TalosNode | undefined>;
  /** The machines of the cluster as this one has discovered them; a machine that just died may still be listed. */
  members(signal?: AbortSignal): Promise<readonly TalosMember[]>;
  /**
   * What happens on the machine, oldest first, until the signal aborts it (then it throws) or the machine ends it (then it returns).
   * A reboot loses what was not read. `from`: `new` (default), `all` of the roughly thousand that are kept, or after an event's id.
   */
  events(options?: { actor?: string; from?: "new" | "all" | { after: string } }, signal?: AbortSignal): AsyncIterable<TalosEvent>;
  /**
   * How the sequence went that an acknowledgement named, as far as this boot can tell. Waits as long as the signal lets it: a sequence
   * may hang, and one of an earlier boot is never heard of again.
   */
  follow(actor: string, signal?: AbortSignal): Promise<SequenceEnd>;
  /** Kernel and Talos messages, one line each. `tail` starts with what comes now. */
  dmesg(options?: { follow?: boolean; tail?: boolean }, signal?: AbortSignal): AsyncIterable<string>;

  /** `default` starts the new kernel by kexec: firmware, boot override and netboot are passed by. `force` (1.12) skips the teardown. */
  reboot(permit: Permit, mode: RebootMode): Promise<TalosReceipt>;
  /** Cordons and drains first unless forced, and may hang there when the Kubernetes API is down. */
  shutdown(permit: Permit, options?: { force?: boolean }): Promise<TalosReceipt>;
  reset(permit: Permit, options: ResetOptions): Promise<TalosReceipt>;
  /** The whole running machine configuration: a secret. Needs os:admin. */
  configuration(signal?: AbortSignal): Promise<string>;
  /** What `applyConfiguration` would change; sends it as a dry run, which changes nothing. */
  diffConfiguration(config: string, mode: ApplyMode, signal?: AbortSignal): Promise<ConfigAnswer>;
  /** The whole configuration, never a patch. Permit verb `apply-config`. */
  applyConfiguration(permit: Permit, config: string, options: ApplyOptions): Promise<ConfigAnswer>;
  /** Starts etcd on the first control plane: on one machine, once in a cluster's life. `already` when etcd has data there. */
  bootstrap(permit: Permit, options?: { recover?: boolean }): Promise<TalosReceipt>;
  /** An admin kubeconfig, as YAML: a secret. Control planes only. */
  kubeconfig(signal?: AbortSignal): Promise<string>;
  readonly etcd: TalosEtcd;
  /** Pulls an installer image so that an upgrade needs no network; answers the name to upgrade with. Repeatable. */
  pullImage(image: string, signal?: AbortSignal, into?: ImageStore): Promise<string>;
  /**
   * Installs `image` into the other slot. From 1.13 nothing else: pull it first, then check etcd, drain and reboot yourself (`reboots`
   * false). Before 1.13 the machine drains and reboots by itself, and control planes are checked by the machine.
   */
  upgrade(permit: Permit, image: string, options?: UpgradeOptions): Promise<UpgradeReceipt>;
  /** Makes the other slot the default and reboots. */
  rollback(permit: Permit): Promise<TalosReceipt>;
  /** The same machine before it has a configuration: nobody is authenticated there, in neither direction. */
  readonly maintenance: TalosMaintenance;
}

/**
 * A machine without a configuration. It can be read and configured; it cannot be rebooted or powered over this API in any version.
 * Refuses (`LO_TALOS_CERTIFICATE`) to talk to anything that does not present itself as Talos in maintenance.
 */
export interface TalosMaintenance {
  /** `undefined` where the version does not tell (before 1.10). */
  version(signal?: AbortSignal): Promise<TalosVersion | undefined>;
  system(signal?: AbortSignal): Promise<SystemInformation>;
  disks(signal?: AbortSignal): Promise<readonly TalosDisk[]>;
  pciDevices(signal?: AbortSignal): Promise<readonly PciDevice[]>;
  status(signal?: AbortSignal): Promise<MachineStatus>;
  diffConfiguration(config: string, signal?: AbortSignal): Promise<ConfigAnswer>;
  /** Hands over the configuration with its secrets; on success the machine installs itself and comes back as ours. Permit verb `configure`. */
  applyConfiguration(permit: Permit, config: string): Promise<ConfigAnswer>;
}

/** `system` (the default) holds installers and the kubelet, `cri` what the kubelet runs. */
export type ImageStore = "system" | "cri";

/** `sent`: the machine acknowledged, which is no outcome. `already`: there was nothing to do. */
export interface TalosReceipt {
  readonly did: "sent" | "already";
  readonly answer: string;
  /** Follow this one. Absent where Talos names none. */
  readonly actor?: string;
}

export type RebootMode = "default" | "power-cycle" | "force";

export interface ResetOptions {
  /** Cordon, drain and leave etcd first; failures of these are logged by the machine and stop nothing. */
  readonly graceful: boolean;
  /** Otherwise it powers off. */
  readonly reboot: boolean;
  /** `partitions` returns to maintenance and keeps the installed system when it names STATE and EPHEMERAL. */
  readonly wipe:
    | { readonly what: "partitions"; readonly labels: readonly [string, ...string[]] }
    | { readonly what: "system-disk" }
    | { readonly what: "user-disks"; readonly devices: readonly [string, ...string[]] }
    | { readonly what: "system-and-user-disks"; readonly devices: readonly [string, ...string[]] };
}

/** `auto` may reboot before 1.14 and never does from then on; `reboot` is gone in 1.14. */
export type ApplyMode = "auto" | "no-reboot" | "staged" | "try" | "reboot";

export interface ApplyOptions {
  readonly mode: ApplyMode;
  /** For `try`: reverts after this many milliseconds. Talos's own default is 60,000. */
  readonly tryMs?: number;
}

export interface ConfigAnswer {
  /** What the machine really did or would do. */
  readonly mode: ApplyMode;
  /** Its own words; the diff of a dry run. May quote secrets of the configuration: show it, never log it. */
  readonly details: string;
  readonly warnings: readonly string[];
}

export interface UpgradeOptions {
  /** Before 1.13 only: how it reboots by itself. @default "default" */
  readonly reboot?: "default" | "power-cycle";
  /** Before 1.13 only: install early in the next boot, without a drain. @default false */
  readonly stage?: boolean;
}

export interface UpgradeReceipt extends TalosReceipt {
  readonly api: "lifecycle" | "legacy";
  /** Whether the machine reboots by itself; otherwise the new system is armed and whatever reboots it next starts it. */
  readonly reboots: boolean;
  /** The installer's last words. */
  readonly log: readonly string[];
}
