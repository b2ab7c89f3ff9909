import type { LabEtcd, LabMember } from "./talos-etcd.ts";
import type { TalosOs } from "./talos-os.ts";

/** A control plane's own part of etcd. Its data lies on the machine's disk: who has lost it is no longer the member that it was. */
export interface TalosMembership {
  /** The member whose data is here, if the cluster still has it. */
  own(): LabMember | undefined;
  /** There is data here, of whichever cluster. */
  hasData(): boolean;
  join(options?: { learner?: boolean }): LabMember;
  begin(snapshot?: Buffer): void;
  /** Comes to an end when etcd runs here: as the member it was, or once there is a cluster to join. */
  start(pause: (ms: number) => Promise<void>): Promise<void>;
  leave(): void;
}

/** From a learner to a voter. */
const catchUpMs = 5000;

export function createMembership(os: () => TalosOs, etcd: LabEtcd): TalosMembership {
  const storage = () => os().storage;
  const name = () => os().reading()?.hostname ?? os().host.name;
  const keep = (member: LabMember) => {
    storage().member = member.id;
    return member;
  };
  /** Only with its data, and where etcd is not stopped, does a member count. */
  const up = () => os().servicesRun() && membership.own() !== undefined;
  const membership: TalosMembership = {
    own: () => etcd.members.find(({ id }) => id === storage().member),
    hasData: () => storage().member !== undefined,
    join: (options) => keep(etcd.join(name(), up, options)),
    begin: (snapshot) => void keep(etcd.begin(name(), up, snapshot)),
    async start(pause) {
      for (;;) {
        const own = membership.own();
        if (own && !own.learner && etcd.quorate()) return;
        // A member by this name whose data is gone stands in the way until somebody removes it; who was removed needs a wipe.
        const free = !membership.hasData() && etcd.quorate() && !etcd.members.some((member) => member.name === name());
        const learner = own?.learner ? own : free ? membership.join({ learner: true }) : undefined;
        await pause(learner ? catchUpMs : 1000);
        if (learner && etcd.members.includes(learner) && etcd.quorate()) learner.learner = false;
      }
    },
    leave() {
      const own = membership.own();
      if (own) etcd.remove(own.id, "leave");
      storage().member = undefined;
    },
  };
  return membership;
}
