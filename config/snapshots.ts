import { createFolderSnapshots, createS3Snapshots } from "#adapters/snapshots/mod.ts";
import type { Snapshots } from "#adapters/snapshots/port.ts";
import { type Clock, LightsoutError } from "#events";
import type { Config } from "./schema.ts";

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

/** The place for snapshots that a configuration names. */
export function openSnapshots({ snapshots }: Config, clock: Clock): Snapshots {
  if (!snapshots) return snapshotless;
  const { keep, to } = snapshots;
  if ("folder" in to) return createFolderSnapshots({ folder: to.folder, keep, clock });
  const { secretKey, prefix, ...rest } = to.s3;
  return createS3Snapshots({ ...rest, secretKey: secretKey.reveal(), ...(prefix !== undefined && { prefix }), keep, clock });
}
