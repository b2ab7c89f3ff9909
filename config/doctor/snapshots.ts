import { systemClock } from "#events";
import type { Config } from "../schema.ts";
import { openSnapshots } from "../snapshots.ts";
import { type Finding, failure, ok } from "./check.ts";
import { notWritable } from "./netboot.ts";

/** The place of etcd's snapshots: whether it can be listed, and a folder written. Nothing is put there to try. */
export async function checkSnapshots(config: Config, signal: AbortSignal): Promise<readonly Finding[]> {
  const { snapshots } = config;
  if (!snapshots) return [];
  const { to } = snapshots;
  const blocked = "folder" in to ? notWritable(to.folder) : undefined;
  if (blocked !== undefined)
    return [
      failure("place", `${blocked} cannot be written by this user`, "Give the user that serves write access, or name another snapshots.to"),
    ];
  const kept = await openSnapshots(config, systemClock).list(signal);
  const [newest] = kept;
  const where = "folder" in to ? to.folder : `s3://${to.s3.bucket}${to.s3.prefix === undefined ? "" : `/${to.s3.prefix}`}`;
  const seen = newest === undefined ? "it holds none yet" : `it holds ${kept.length}, the newest of ${new Date(newest.at).toISOString()}`;
  return [ok("place", `${where} can be listed: ${seen}`)];
}
