import type { EtcdAlarm, EtcdMember, EtcdStatus, TalosEtcd, TalosMachines } from "#adapters/os/port.ts";
import { LightsoutError } from "#events";

/** What was learned of etcd just now. `undefined` is no answer. */
export interface EtcdPicture {
  readonly members: readonly EtcdMember[] | undefined;
  readonly alarms: readonly EtcdAlarm[] | undefined;
  /** What each member said of itself, asked one by one; who did not answer is left out. */
  readonly statuses: readonly EtcdStatus[];
}

/** Asks these control planes what they know of etcd: each itself, all at once. */
export async function pictureOf(names: readonly string[], talos: TalosMachines, signal?: AbortSignal): Promise<EtcdPicture> {
  const told = await Promise.all(
    names.map(async (name) => {
      const ask = async <Value>(read: (etcd: TalosEtcd) => Promise<Value>) => read(talos.of(name).etcd);
      const [members, alarms, status] = await Promise.allSettled([
        ask((etcd) => etcd.members(signal)),
        ask((etcd) => etcd.alarms(signal)),
        ask((etcd) => etcd.status(signal)),
      ]);
      return { members: answer(members), alarms: answer(alarms), status: answer(status) };
    }),
  );
  return {
    members: told.find(({ members }) => members !== undefined)?.members,
    alarms: told.find(({ alarms }) => alarms !== undefined)?.alarms,
    statuses: told.flatMap(({ status }) => status ?? []),
  };
}

/** A failure of ours to ask is no silence of theirs. */
function answer<Value>(asked: PromiseSettledResult<Value>): Value | undefined {
  if (asked.status === "fulfilled") return asked.value;
  if (asked.reason instanceof LightsoutError || (asked.reason as Error).name === "TimeoutError") return undefined;
  throw asked.reason;
}
