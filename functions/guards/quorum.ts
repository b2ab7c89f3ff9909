import type { EtcdAlarm, EtcdMember, EtcdStatus } from "#adapters/os/port.ts";

/** What was learned of etcd just now. `undefined` is no answer, and no answer means no. */
export interface QuorumPicture {
  readonly members: readonly EtcdMember[] | undefined;
  readonly alarms: readonly EtcdAlarm[] | undefined;
  /** What each member said of itself, asked one by one; who did not answer is left out. */
  readonly statuses: readonly EtcdStatus[];
}

export interface QuorumAnswer {
  readonly safe: boolean;
  readonly why: string;
  /** Safe, but this machine leads: leadership is forfeited first. */
  readonly leads: boolean;
}

/**
 * Whether etcd keeps a healthy majority while the machine `self` is away. Every other voter must have started, answer without errors and
 * see the same leader, no alarm may be raised, and they must be more than half of all voters; learners do not count. Fails closed.
 * @param self the machine's etcd member name
 * @param consent a single-node control plane may go down: somebody said so of exactly this cluster
 */
export function judgeQuorum({ members, alarms, statuses }: QuorumPicture, self: string, { consent = false } = {}): QuorumAnswer {
  const no = (why: string): QuorumAnswer => ({ safe: false, why, leads: false });
  if (!members || members.length === 0) return no("no control plane tells who the etcd members are");
  if (!alarms) return no("no control plane tells whether etcd has alarms");
  const [alarm] = alarms;
  if (alarm) return no(`etcd has an alarm: ${alarm.alarm} of member ${nameOf(members, alarm.member)}`);

  const mine = members.filter(({ name }) => name === self);
  if (mine.length > 1) return no(`etcd has ${mine.length} members named ${self}`);
  const voters = members.filter(({ learner }) => !learner);
  const others = voters.filter(({ name }) => name !== self);
  const leaders = new Set<string>();
  for (const { id, name } of others) {
    if (name === "") return no(`etcd member ${id} has not started`);
    const told = statuses.filter(({ member }) => member === id);
    if (told.length === 0) return no(`etcd member ${name} does not answer`);
    for (const { errors, learner, leader } of told) {
      if (errors.length > 0) return no(`etcd member ${name} has errors: ${errors.join(", ")}`);
      if (learner) return no(`etcd member ${name} takes itself for a learner`);
      if (leader === undefined) return no(`etcd member ${name} knows no leader`);
      leaders.add(leader);
    }
  }
  if (leaders.size > 1) return no("etcd members see different leaders");

  const [me] = mine;
  if (others.length === 0) {
    if (!me || me.learner) return no(`${self} is no voter and nobody else is`);
    return consent
      ? { safe: true, why: "the only etcd member, by consent", leads: false }
      : no(`${self} is the only etcd member: without it there is no cluster`);
  }
  if (others.length * 2 <= voters.length)
    return no(`without ${self} ${others.length} of ${voters.length} etcd voters are left, which is no majority`);
  const why = `without ${self} ${others.length} of ${voters.length} etcd voters are left, all healthy`;
  return { safe: true, why, leads: me !== undefined && leaders.has(me.id) };
}

const nameOf = (members: readonly EtcdMember[], id: string): string => members.find((member) => member.id === id)?.name || id;
