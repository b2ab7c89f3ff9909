import type { Json } from "#events";
import type { NatsAddress } from "./dial.ts";
import { BUCKETS, checkBucket } from "./kv.ts";
import { type Link, openLink } from "./link.ts";
import { bucketName, streamName } from "./names.ts";
import { checkServer, checkStream, configOf, lookAt, STREAMS } from "./streams.ts";
import { readSync, type SyncSetting } from "./sync.ts";

/** NATS servers as they are for a store. */
export interface NatsFound {
  /** The servers, without credentials. */
  readonly where: string;
  readonly version: string;
  /** As the server tells them, of its cluster. */
  readonly servers: number;
  readonly encrypted: boolean;
  /** Why this version cannot be used with so many replicas. */
  readonly tooOld?: unknown;
  /** Streams and buckets of the site that are there, and those that will be made. */
  readonly present: number;
  readonly missing: number;
  /** Why streams or buckets cannot be used. */
  readonly unsafe: readonly unknown[];
  /** What the account may store at most, in bytes; absent where it is not limited. */
  readonly limitBytes?: number;
  readonly usedBytes: number;
  readonly sync: SyncSetting | undefined;
  /** The server's clock, milliseconds since the epoch; absent before there is a stream, and before 2.10. */
  readonly clock?: number;
  /** The values of the keys that were asked for. */
  readonly settings: ReadonlyMap<string, Json>;
}

/**
 * Looks at the servers of a store, makes nothing there and hangs up. Rejects with `LO_STORE_UNREACHABLE` or `LO_STORE_AUTH`.
 *
 * @param options.keys of the bucket `settings`
 */
export async function lookAtNats(
  options: NatsAddress & { site: string; replicas: number; keys: readonly string[]; signal: AbortSignal },
): Promise<NatsFound> {
  const { keys, replicas, signal, site } = options;
  const link = await openLink(options, `lightsout-${site}-doctor`);
  const stop = () => void link.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const { connect_urls: known = [], server_id: id = "", tls_required: encrypted = false, version = "" } = link.nc.info ?? {};
    const account = await link.ask("look at the account", () => link.jsm.getAccountInfo(), { repeatable: true });
    const limit = account.limits.max_storage;
    const streams = await lookAtStreams(link, site, replicas);
    const tooOld = attempt(() => checkServer(link.where, version, replicas));
    return {
      where: link.where,
      version,
      servers: Math.max(1, known.length),
      encrypted,
      ...(tooOld !== undefined && { tooOld }),
      ...streams,
      usedBytes: account.storage,
      ...(limit > 0 && { limitBytes: limit }),
      sync: await readSync(options.servers, id, signal),
      settings: await readSettings(link, site, keys),
    };
  } finally {
    signal.removeEventListener("abort", stop);
    await link.close();
  }
}

async function lookAtStreams(link: Link, site: string, replicas: number) {
  const unsafe: unknown[] = [];
  let present = 0;
  let clock: number | undefined;
  const wanted = [
    ...STREAMS.map((stream) => ({ name: streamName(site, stream), config: configOf(site, stream, replicas) })),
    ...BUCKETS.map((bucket) => ({ name: `KV_${bucketName(site, bucket)}`, bucket: bucketName(site, bucket) })),
  ];
  for (const one of wanted) {
    const info = await lookAt(link, one.name);
    if (!info) continue;
    present += 1;
    // Servers before 2.10 do not say when they answer.
    const at = Date.parse(String((info as { ts?: unknown }).ts));
    if (Number.isFinite(at)) clock = at;
    const error = attempt(() =>
      "config" in one ? checkStream(link.where, info.config, one.config) : checkBucket(link.where, one.bucket, info.config, replicas),
    );
    if (error !== undefined) unsafe.push(error);
  }
  return { present, missing: wanted.length - present, unsafe, ...(clock !== undefined && { clock }) };
}

function attempt(check: () => void): unknown {
  try {
    check();
    return undefined;
  } catch (error) {
    return error;
  }
}

async function readSettings(link: Link, site: string, keys: readonly string[]): Promise<ReadonlyMap<string, Json>> {
  const bucket = bucketName(site, "settings");
  const found = new Map<string, Json>();
  if (keys.length === 0 || !(await lookAt(link, `KV_${bucket}`))) return found;
  for (const key of keys) {
    const query = { last_by_subj: `$KV.${bucket}.${key}` };
    const message = await link.ask(`read ${key}`, () => link.jsm.streams.getMessage(`KV_${bucket}`, query), { repeatable: true });
    if (message && message.data.length > 0) found.set(key, message.json<Json>());
  }
  return found;
}
