import type { Permit } from "#events";
import type { TalosReceipt } from "./talos-port.ts";

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
