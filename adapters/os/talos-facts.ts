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

export interface TalosNode {
  /** Of its Node. */
  readonly name: string;
  /** Without prefix lengths. */
  readonly addresses: readonly string[];
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
