import { Code, ConnectError } from "@connectrpc/connect";

export interface LabMember {
  readonly id: bigint;
  readonly name: string;
  learner: boolean;
  /** False: added, but its machine never came up with it; it shows no name. */
  started: boolean;
  /** What only the member itself knows, as etcd's status reports it. */
  errors: string[];
}

/** The etcd of a simulated cluster: members on machines, a leader, alarms, and quorum lost when too few of them are up. */
export interface LabEtcd {
  readonly members: LabMember[];
  readonly alarms: { id: bigint; alarm: "no-space" | "corrupt" }[];
  /** Everything that was done to it, as `remove 00…1`. */
  readonly log: string[];
  /** Whether more than half of the voters are up. */
  quorate(): boolean;
  leader(): LabMember | undefined;
  /** Throws as etcd behind Talos does when there is no quorum. */
  demandQuorum(): void;
  join(name: string, up: () => boolean, options?: { learner?: boolean; started?: boolean }): LabMember;
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

  const etcd: LabEtcd = {
    members,
    alarms: [],
    log,
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
      const member: LabMember = { id: next, name, learner, started, errors: [] };
      next += 0x0101n;
      members.push(member);
      ups.set(member.id, up);
      log.push(`join ${name}`);
      return member;
    },
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
