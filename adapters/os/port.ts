import type { Permit } from "#events";

/** The operating system on the machines, asked over the network. */
export interface Os {
  /**
   * Asks the kubelet and the Talos API whether anything answers. Any real answer (a TLS handshake, an HTTP status) counts; a TCP
   * accept alone does not. An unreachable address is "no answer"; empty when no address is known, for then nobody was asked.
   */
  signsOfLife(machine: string, signal?: AbortSignal): Promise<SignOfLife[]>;
}

export interface SignOfLife {
  readonly service: "kubelet" | "talos";
  readonly answered: boolean;
  /** What was seen: `"TLS, CN=…"`, `"ECONNREFUSED"`, `"no answer in 3s"`. */
  readonly seen: string;
}

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
  pullImage(image: string, signal?: AbortSignal): Promise<string>;
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

/** `ours`: its certificate is signed by our cluster. `maintenance`: it waits for a configuration. `foreign`: of another cluster, or no Talos. */
export interface TalosPresence {
  readonly is: "ours" | "maintenance" | "foreign" | "silent";
  readonly seen: string;
}

export interface TalosVersion {
  /** As `v1.13.9`. */
  readonly tag: string;
  readonly arch?: string;
  /** `metal`, `metal-agent`, `container`, `cloud`. */
  readonly mode?: string;
}

export interface Extension {
  readonly name: string;
  readonly version: string;
}

export type MachineStage =
  | "unknown"
  | "booting"
  | "installing"
  | "maintenance"
  | "running"
  | "rebooting"
  | "shutting-down"
  | "resetting"
  | "upgrading";

export interface MachineStatus {
  readonly stage: MachineStage;
  readonly ready: boolean;
  readonly unmet: readonly { readonly name: string; readonly reason: string }[];
}

/** SMBIOS values as Talos reads them, uuid in lower case; empty ones are left out. */
export interface SystemInformation {
  readonly uuid?: string;
  readonly serial?: string;
  readonly manufacturer?: string;
  readonly product?: string;
}

export interface TalosDisk {
  /** As `/dev/nvme0n1`: may name another disk after a reboot. */
  readonly device: string;
  /** Bytes. */
  readonly size: number;
  readonly model?: string;
  readonly serial?: string;
  readonly wwid?: string;
  readonly transport?: string;
  readonly readonly: boolean;
  /** Holds the installed Talos. */
  readonly system: boolean;
  /**
   * What Talos found on the disk and its partitions, as `nvme0n1: gpt`, `nvme0n1p1: bluestore`. Talos knows no signature of Linux
   * software RAID, so none is no proof of emptiness.
   */
  readonly signatures: readonly DiskSignature[];
}

export interface DiskSignature {
  /** Of the disk itself or of one of its partitions, as `sda1`. */
  readonly volume: string;
  /** `gpt`, `xfs`, `bluestore` (Ceph), `zfs`, `lvm2`, `luks`, …; empty for a partition in which nothing was recognized. */
  readonly found: string;
  readonly label?: string;
  /** The names of Talos's own partitions, and what is found in them, are not foreign; neither is an empty partition table. */
  readonly foreign: boolean;
}

export interface PciDevice {
  /** As `0000:65:00.0`. */
  readonly address: string;
  /** As `0x10de`. */
  readonly vendorId: string;
  readonly classId: string;
  readonly vendor?: string;
  readonly product?: string;
  readonly driver?: string;
}

export interface TalosMember {
  readonly name: string;
  readonly hostname: string;
  readonly addresses: readonly string[];
  readonly role: "control-plane" | "worker" | "unknown";
  /** As `Talos (v1.13.9)`. */
  readonly os: string;
}

export interface TalosEvent {
  /** Sortable by time; empty for the greeting that opens the stream. */
  readonly id: string;
  readonly actor?: string;
  readonly fact: TalosFact;
}

export type TalosFact =
  | {
      readonly kind: "sequence";
      readonly sequence: string;
      readonly action: "noop" | "start" | "stop";
      readonly error?: { readonly code: "fatal" | "locked" | "canceled"; readonly message: string };
    }
  | { readonly kind: "phase"; readonly phase: string; readonly action: "start" | "stop" }
  | { readonly kind: "task"; readonly task: string; readonly action: "start" | "stop" }
  | { readonly kind: "service"; readonly service: string; readonly state: string; readonly message: string }
  | { readonly kind: "restart"; readonly how: "restart" | "kexec" | "power-off" | "halt" | "other" }
  | { readonly kind: "config-error"; readonly message: string }
  | { readonly kind: "addresses"; readonly hostname: string; readonly addresses: readonly string[] }
  | { readonly kind: "status"; readonly status: MachineStatus }
  | { readonly kind: "other"; readonly type: string };

/**
 * `refused`: another sequence held the lock and nothing was done. `canceled`, `failed`: it began and did not come through.
 * `done`: it ran to its end, which for one that takes the machine down means that it is going down, not that it came back.
 * `lost`: the machine fell silent first, as it does when it goes down: prove the outcome otherwise.
 */
export interface SequenceEnd {
  readonly end: "refused" | "canceled" | "failed" | "done" | "lost";
  readonly seen: string;
}

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

/** etcd of one control plane. Asks this member itself; ask every member to know the cluster. */
export interface TalosEtcd {
  /**
   * Whether etcd has started on this machine. False while it waits to be bootstrapped or to join, where every other question is answered
   * with an error; it says nothing of the cluster's health.
   */
  running(signal?: AbortSignal): Promise<boolean>;
  members(signal?: AbortSignal): Promise<readonly EtcdMember[]>;
  /** Of this machine's own member. */
  status(signal?: AbortSignal): Promise<EtcdStatus>;
  /** Alarms of the whole cluster; empty when there is none. */
  alarms(signal?: AbortSignal): Promise<readonly EtcdAlarm[]>;
  /** The database as it is now. Complete only when the iteration ends without an error. */
  snapshot(signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Hands a snapshot to a control plane without etcd data, for `bootstrap` with `recover`. Repeatable, so it needs no permit: nothing
   * begins before the bootstrap.
   */
  upload(snapshot: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void>;
  /** Answers the new leader's id or name, or `undefined` when this member was not the leader. Harmless: needs no permit. */
  forfeitLeadership(signal?: AbortSignal): Promise<string | undefined>;
  /** Takes this machine's own member out of the cluster and deletes its data. Permit verb `etcd-remove-member`. */
  leave(permit: Permit): Promise<TalosReceipt>;
  /**
   * Removes another machine's dead member. The permit is for that machine, not for the one that is asked. `already` when there is none
   * with this id; refused when the member with this id has another name.
   */
  removeMember(permit: Permit, member: DeadMember): Promise<TalosReceipt>;
}

/** A member that is removed by another one. */
export interface DeadMember {
  readonly machine: string;
  readonly id: string;
  /** As etcd knows it; empty for one that never started. */
  readonly name: string;
}

export interface EtcdMember {
  /** 16 hexadecimal digits, as etcdctl shows them. */
  readonly id: string;
  /** Empty until the member has started once. */
  readonly name: string;
  readonly learner: boolean;
  readonly peerUrls: readonly string[];
}

export interface EtcdStatus {
  readonly member: string;
  /** `undefined` when this member knows no leader: there is no quorum. */
  readonly leader: string | undefined;
  readonly learner: boolean;
  readonly errors: readonly string[];
  readonly dbSize: number;
  readonly raftIndex: bigint;
  readonly raftApplied: bigint;
}

export interface EtcdAlarm {
  readonly member: string;
  readonly alarm: "no-space" | "corrupt" | "unknown";
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
