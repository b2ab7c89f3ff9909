/** One machine of a rollout. */
export interface Member {
  readonly machine: string;
  readonly role: "worker" | "control-plane";
  readonly profile: string;
}

/** A machine in its place: who goes first of those like it proves the version for them. */
export interface Placed extends Member {
  readonly canary: boolean;
  /** Others like it wait until it has been healthy for a while. */
  readonly soaks: boolean;
}

/**
 * The order of a rollout: a worker of each hardware profile, then control planes, then the other workers. A control plane is no worker's
 * equal, so the first of each profile is a canary too. They come before most workers: what only etcd or an API server shows is found while
 * most machines still run what they ran.
 */
export function wavesOf(members: readonly Member[]): Placed[] {
  const like = (one: Member) => members.filter(({ profile, role }) => profile === one.profile && role === one.role);
  const placed = members.map((one) => {
    const canary = like(one)[0] === one;
    return { ...one, canary, soaks: canary && like(one).length > 1 };
  });
  const wave = ({ canary, role }: Placed) => (role === "control-plane" ? (canary ? 1 : 2) : canary ? 0 : 3);
  return placed.toSorted((a, b) => wave(a) - wave(b));
}
