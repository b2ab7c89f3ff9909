import type { EtcdPicture } from "./etcd-picture.ts";

/** `whole`: every voter serves. `majority`: more than half do. `none`: nobody can write. */
export interface EtcdHealth {
  readonly is: "whole" | "majority" | "none";
  readonly why: string;
}

/**
 * How etcd is as a whole. A voter serves when it has started, answers without errors, and sees the leader that the majority sees. No answer
 * is no service.
 */
export function judgeEtcd({ members, statuses }: Pick<EtcdPicture, "members" | "statuses">): EtcdHealth {
  if (!members || members.length === 0) return { is: "none", why: "no control plane tells who the etcd members are" };
  const voters = members.filter(({ learner }) => !learner);
  const sound = statuses.filter(({ errors, leader, learner }) => errors.length === 0 && leader !== undefined && !learner);
  const following = (leader: string) =>
    voters.filter(({ id, name }) => name !== "" && sound.some((one) => one.member === id && one.leader === leader));
  const [serving = []] = [...new Set(sound.flatMap(({ leader }) => leader ?? []))].map(following).sort((a, b) => b.length - a.length);
  const missing = voters.filter((voter) => !serving.includes(voter)).map(({ id, name }) => name || `${id}, which has not started`);
  if (missing.length === 0) return { is: "whole", why: `all ${voters.length} etcd voters serve` };
  const why = `${serving.length} of ${voters.length} etcd voters serve, without ${missing.join(", ")}`;
  return { is: serving.length * 2 > voters.length ? "majority" : "none", why };
}
