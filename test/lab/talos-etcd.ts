import { Code, ConnectError } from "@connectrpc/connect";
import { isWholeSnapshot, makeSnapshot, readSnapshot } from "./talos-snapshot.ts";

export interface LabMember {
  readonly id: bigint;
  readonly name: string;
  learner: boolean;
  /** False: added, but its machine never came up with it; it shows no name. */
  started: boolean;
  /** What only the member itself knows, as etcd's status reports it. */
  errors: string[];
}

/** What etcd keeps, as a text: for a snapshot, and for what comes back from one. `undefined` is a new cluster's nothing. */
export interface EtcdContent {
  dump(): string;
  load(content: string | undefined): void;
}

/** The etcd of a simulated cluster: members on machines, a leader, alarms, and quorum lost when too few of them are up. */
export interface LabEtcd {
  readonly members: LabMember[];
  readonly alarms: { id: bigint; alarm: "no-space" | "corrupt" }[];
  /** Everything that was done to it, as `remove 00…1`. */
  readonly log: string[];
  /** @default nothing is kept */
  content: EtcdContent;
  /** Whether more than half of the voters are up. */
  quorate(): boolean;
  leader(): LabMember | undefined;
  /** Throws as etcd behind Talos does when there is no quorum. */
  demandQuorum(): void;
  join(name: string, up: () => boolean, options?: { learner?: boolean; started?: boolean }): LabMember;
  /**
   * Makes a cluster of one member, a new one or what a snapshot holds. While another one lives this makes a second cluster, which the log
   * tells and nobody else is in: the member that it answers is then in no list.
   */
  begin(name: string, up: () => boolean, snapshot?: Buffer): LabMember;
  /** A database of now with its checksum. */
  snapshot(): Buffer;
  remove(id: bigint, why: string): void;
  forfeit(name: string): string;
}

export function createLabEtcd(): LabEtcd {
  const members: LabMember[] = [];
  const ups = new Map<bigint, () => boolean>();
  const log: string[] = [];
  let leading: bigint | undefined;
  let next = 0x8e9e05c52164694dn;
  const isUp = (member: LabMember) => member.started && (ups.get(member.id)?.() ?? false);
  const voters = () => members.filter((member) => !member.learner);
  const create = (name: string, learner: boolean, started: boolean): LabMember => {
    const member = { id: next, name, learner, started, errors: [] };
    next += 0x0101n;
    return member;
  };

  const etcd: LabEtcd = {
    members,
    alarms: [],
    log,
    content: { dump: () => "", load: () => undefined },
    quorate: () => voters().length > 0 && voters().filter(isUp).length * 2 > voters().length,
    leader() {
      if (!etcd.quorate()) return undefined;
      const able = voters().filter(isUp);
      const leader = able.find(({ id }) => id === leading) ?? able[0];
      leading = leader?.id;
      return leader;
    },
    demandQuorum() {
      if (!etcd.quorate()) throw new ConnectError("context deadline exceeded", Code.DeadlineExceeded);
    },
    join(name, up, { learner = false, started = true } = {}) {
      const member = create(name, learner, started);
      members.push(member);
      ups.set(member.id, up);
      log.push(`join ${name}`);
      return member;
    },
    begin(name, up, snapshot) {
      if (etcd.quorate()) {
        log.push(`second cluster on ${name}`);
        return create(name, false, true);
      }
      if (snapshot) log.push(`restore ${name}`);
      members.length = 0;
      etcd.alarms.length = 0;
      const member = etcd.join(name, up);
      etcd.content.load(snapshot && readSnapshot(snapshot));
      return member;
    },
    snapshot: () => makeSnapshot(etcd.content.dump()),
    remove(id, why) {
      const at = members.findIndex((member) => member.id === id);
      const [gone] = at < 0 ? [] : members.splice(at, 1);
      if (!gone) throw new ConnectError("etcdserver: member not found", Code.NotFound);
      log.push(`${why} ${gone.name}`);
    },
    forfeit(name) {
      etcd.demandQuorum();
      const leader = etcd.leader();
      if (leader?.name !== name) return "";
      const heir = voters().find((member) => member.id !== leader.id && isUp(member));
      if (!heir) throw new ConnectError("cannot forfeit leadership, only one member", Code.FailedPrecondition);
      leading = heir.id;
      log.push(`leader ${heir.name}`);
      return heir.name;
    },
  };
  return etcd;
}

/** Throws as etcd's restore does for what is no whole snapshot, unless its checksum is not to be looked at. */
export function demandSnapshot(bytes: Buffer | undefined, { unchecked = false } = {}): Buffer {
  if (bytes && (unchecked || isWholeSnapshot(bytes))) return bytes;
  const why = bytes ? "snapshot integrity check failed" : "no snapshot was uploaded";
  throw new ConnectError(`failed to recover etcd: ${why}`, Code.FailedPrecondition);
}
