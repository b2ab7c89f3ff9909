import { createStorage } from "#adapters/storage/mod.ts";
import type { Storage } from "#adapters/storage/port.ts";
import { systemClock } from "#events";
import type { OpenCluster } from "./cluster.ts";
import type { Config } from "./schema.ts";

/** The storage of a configuration, asked over the cluster's own API. */
export const openStorage = ({ storage }: Config, { readObjects }: OpenCluster): Storage =>
  createStorage({ readObjects, kind: storage, clock: systemClock });
