import type { Ports } from "../define.ts";
import { type EtcdHealth, judgeEtcd } from "../guards/etcd.ts";
import { pictureOf } from "../guards/etcd-picture.ts";
import { controlPlanesOf } from "./etcd.ts";

/** Asks every control plane of the inventory for its etcd, at once. Who does not answer counts as not serving. */
export const etcdNow = async (ports: Pick<Ports, "inventory" | "talos">, signal?: AbortSignal): Promise<EtcdHealth> =>
  judgeEtcd(await pictureOf(controlPlanesOf(ports), ports.talos, signal));
