import type { EtcdMember, EtcdStatus } from "#adapters/os/port.ts";
import type { Ports } from "../define.ts";
import { type EtcdHealth, judgeEtcd } from "../guards/etcd.ts";
import { controlPlanesOf } from "./etcd.ts";

/** Asks every control plane of the inventory for its etcd, at once. Who does not answer counts as not serving. */
export async function etcdNow(ports: Pick<Ports, "inventory" | "talos">, signal?: AbortSignal): Promise<EtcdHealth> {
  const answers = await Promise.all(
    controlPlanesOf(ports).map(async (name) => {
      const ask = async <Answer>(work: () => Promise<Answer>): Promise<Answer | undefined> => work().catch(() => undefined);
      const etcd = async () => ports.talos.of(name).etcd;
      return Promise.all([
        ask<readonly EtcdMember[]>(async () => (await etcd()).members(signal)),
        ask<EtcdStatus>(async () => (await etcd()).status(signal)),
      ]);
    }),
  );
  return judgeEtcd({
    members: answers.find(([members]) => members !== undefined)?.[0],
    statuses: answers.flatMap(([, status]) => status ?? []),
  });
}
