import type { EtcdAlarm } from "#adapters/os/port.ts";
import type { Timeline } from "./timeline.ts";

export interface FakeMember {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly machine: string;
  learner: boolean;
  /** False until it has started once. */
  started: boolean;
  /** Its data is gone from the machine: it never serves again. */
  lost: boolean;
  /** What it says of itself. */
  errors: string[];
}

/** etcd over the fake control planes. Members, alarms and errors may be changed at any time. */
export interface FakeEtcd {
  members: FakeMember[];
  alarms: EtcdAlarm[];
  /** What should never have happened, in words. */
  readonly violations: string[];
  /** Grows with everything that is done to the cluster; a snapshot tells it. */
  revision: number;
  of(machine: string): FakeMember | undefined;
  /** More than half of the voters serve. */
  quorate(): boolean;
  leader(): FakeMember | undefined;
  /** Moves the leadership off a machine; answers the heir. */
  forfeit(machine: string): FakeMember | undefined;
  /** A member of old. */
  found(machine: string): void;
  /** Makes a machine the only member: a new cluster, or one recovered from a snapshot. */
  begin(machine: string, recover: boolean): void;
  /** Takes a member out. By an act of ours it must cost no majority. */
  remove(member: FakeMember, how: "leave" | "remove"): void;
  /** The machine's disk was wiped. */
  wiped(machine: string): void;
  /** A control plane is up: those that are no voters yet join, where there is a cluster to join. */
  came(): void;
  /**
   * We have asked a machine to go. It must leave a majority to those that serve now and were not asked to go as well: who falls silent by
   * himself before it is gone is bad luck, and no violation.
   */
  asked(machine: string, what: string): void;
  /** It is gone, or back: whatever it was asked for is over. */
  went(machine: string): void;
}

/** From up to a learner, and from there to a voter. */
const joinMs = 5000;

/** @param runs the machine is a control plane, is up and reaches the others; called in the middle of changes, so it must only look */
export function createFakeEtcd(options: {
  timeline: Timeline;
  runs: (machine: string) => boolean;
  controlPlanes: () => readonly string[];
}): FakeEtcd {
  const { timeline, runs } = options;
  let members: FakeMember[] = [];
  let leading: string | undefined;
  let next = 0x8e9e05c52164694dn;
  const voters = () => etcd.members.filter(({ learner }) => !learner);
  const serves = (member: FakeMember) => member.started && !member.lost && runs(member.machine);
  const add = (machine: string, learner: boolean): FakeMember => {
    const member = { id: next.toString(16), machine, learner, started: !learner, lost: false, errors: [] };
    next += 0x0101n;
    etcd.members.push(member);
    etcd.revision += 1;
    return member;
  };
  const joining = new Set<string>();
  const leaving = new Set<string>();
  /** First as a learner, then, when it has caught up, as a voter. What stands in the way is tried again when somebody comes up. */
  const join = (machine: string) => {
    joining.add(machine);
    timeline.after(joinMs, () => {
      const member = runs(machine) && etcd.quorate() ? (etcd.of(machine) ?? add(machine, true)) : undefined;
      timeline.after(joinMs, () => {
        joining.delete(machine);
        if (!member || etcd.of(machine) !== member || !runs(machine) || !etcd.quorate()) return;
        member.started = true;
        member.learner = false;
      });
    });
  };

  const etcd: FakeEtcd = {
    get members() {
      timeline.catchUp();
      return members;
    },
    set members(set) {
      members = set;
    },
    alarms: [],
    violations: [],
    revision: 1,
    of: (machine) => etcd.members.findLast((member) => member.machine === machine && !member.lost),
    quorate: () => voters().filter(serves).length * 2 > voters().length,
    leader() {
      if (!etcd.quorate()) return undefined;
      const able = voters().filter(serves);
      const leader = able.find(({ id }) => id === leading) ?? able[0];
      leading = leader?.id;
      return leader;
    },
    forfeit(machine) {
      if (etcd.leader()?.machine !== machine) return undefined;
      const heir = voters().find((member) => member.machine !== machine && serves(member));
      if (heir) leading = heir.id;
      return heir;
    },
    found(machine) {
      add(machine, false);
    },
    begin(machine, recover) {
      const other = etcd.members.find((member) => member.machine !== machine && !member.lost);
      if (recover ? etcd.quorate() : other !== undefined) {
        etcd.violations.push(`etcd was bootstrapped on ${machine} while it ${recover ? "had a majority" : `lived on ${other?.machine}`}`);
      }
      etcd.members = [];
      add(machine, false);
      etcd.came();
    },
    remove(member, how) {
      if (how === "remove" && serves(member)) etcd.violations.push(`etcd member ${member.machine} was removed while it served`);
      const before = etcd.quorate() && voters().length > 1;
      etcd.members = etcd.members.filter((one) => one !== member);
      etcd.revision += 1;
      if (before && !etcd.quorate()) etcd.violations.push(`etcd lost its majority: ${member.machine} was taken out of etcd`);
    },
    wiped(machine) {
      const member = etcd.of(machine);
      if (!member) return;
      if (etcd.quorate()) etcd.violations.push(`${machine} was wiped while it was still a member of etcd`);
      member.lost = true;
    },
    came() {
      if (etcd.members.length === 0) return;
      for (const machine of options.controlPlanes().filter((name) => runs(name) && !joining.has(name))) {
        if (etcd.of(machine)?.learner ?? true) join(machine);
      }
    },
    asked(machine, what) {
      leaving.add(machine);
      const left = voters().filter((member) => serves(member) && !leaving.has(member.machine));
      if (etcd.quorate() && voters().length > 1 && left.length * 2 <= voters().length)
        etcd.violations.push(`etcd lost its majority: ${what}`);
    },
    went(machine) {
      leaving.delete(machine);
    },
  };
  return etcd;
}
