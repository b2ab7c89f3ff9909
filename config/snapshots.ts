import type { Snapshots } from "#adapters/snapshots/port.ts";
import { LightsoutError } from "#events";

const none = (): never => {
  throw new LightsoutError("LO_NOT_CONFIGURED", "No place for snapshots of etcd is configured", {
    hint: "Give snapshots.to in lightsout.yaml: a folder, or a bucket under s3",
  });
};

/** Where no place for snapshots is configured: none are kept, and whatever needs one says so. */
const snapshotless: Snapshots = {
  store: async () => none(),
  list: async () => none(),
  read: none,
  prune: async () => none(),
};

export const openSnapshots = (..._: unknown[]): Snapshots => snapshotless;
