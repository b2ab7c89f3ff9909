import type { StreamConfig } from "@nats-io/jetstream";
import { JetStreamApiError } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import { Kvm } from "@nats-io/kv";
import type { Bucket, Json, Kv, KvEntry } from "#events";
import { checkName } from "#events";
import type { Stored } from "./bulk.ts";
import { readBulk } from "./bulk.ts";
import { followStream } from "./follow.ts";
import type { Link } from "./link.ts";
import { CONFLICTS, encode, FEW, nextOf, subjectsOf } from "./log.ts";
import { bucketName } from "./names.ts";
import { checkServer, checkStream } from "./streams.ts";

/** Every bucket that there is. */
export const BUCKETS: readonly Bucket[] = ["claims", "ledger", "incidents", "reservations", "leases", "runs", "settings", "arms", "seen"];
/** A deletion stays readable for a while, for those who watch; then nothing of the key needs to be kept. */
const DELETION_KEPT = 60_000;
const AT_ONCE = 32;

/** Opens the site's buckets, creating those that are missing. */
export async function createKv(link: Link, site: string, replicas: number): Promise<Kv> {
  const opened = BUCKETS.map(async (bucket) => [bucket, await openBucket(link, bucketName(site, bucket), replicas)] as const);
  const buckets: ReadonlyMap<Bucket, KV> = new Map(await Promise.all(opened));
  const kvOf = (bucket: Bucket): KV => {
    link.closing.throwIfAborted();
    const found = buckets.get(bucket);
    if (!found) throw new TypeError(`${String(bucket)} is not a bucket`);
    return found;
  };
  const stream = (bucket: Bucket) => `KV_${bucketName(site, bucket)}`;
  const subject = (bucket: Bucket, key: string) => `$KV.${bucketName(site, bucket)}.${key}`;

  const read = (bucket: Bucket, key: string) => link.ask(`read ${bucket} ${key}`, () => kvOf(bucket).get(key), { repeatable: true });

  /** Runs a guarded write: `undefined` when the server refused it. */
  async function guarded<T>(what: string, write: () => Promise<T>): Promise<T | undefined> {
    try {
      return await link.ask(what, write, { expected: CONFLICTS });
    } catch (error) {
      if (error instanceof JetStreamApiError) return undefined;
      throw error;
    }
  }

  /** A deletion that is long enough ago is forgotten. */
  async function forget(bucket: Bucket, key: string, deletion: { revision: number; at: Date }): Promise<void> {
    if (link.clock.now() - deletion.at.getTime() <= DELETION_KEPT) return;
    // Up to this revision only: a new life of the key that began meanwhile is not touched.
    const upTo = { filter: subject(bucket, key), seq: deletion.revision + 1 };
    await link.jsm.streams.purge(stream(bucket), upTo).catch(() => {});
  }

  async function live(bucket: Bucket, key: string): Promise<KvEntry | undefined> {
    const entry = await read(bucket, key);
    if (entry?.operation === "PUT") return { key, value: JSON.parse(entry.string()) as Json, revision: entry.revision };
    if (entry) await forget(bucket, key, { revision: entry.revision, at: entry.created });
    return undefined;
  }

  async function each(bucket: Bucket, keys: readonly string[]): Promise<KvEntry[]> {
    const entries: KvEntry[] = [];
    for (let at = 0; at < keys.length; at += AT_ONCE) {
      const some = await Promise.all(keys.slice(at, at + AT_ONCE).map((key) => live(bucket, key)));
      entries.push(...some.filter((entry) => entry !== undefined));
    }
    return entries;
  }

  /**
   * In bulk; from the leader the rest up to `last`, so that nothing is older than that; and one by one what was written again meanwhile. Where
   * the bulk has stopped early, all of it one by one.
   */
  async function many(bucket: Bucket, keys: readonly string[], last: number): Promise<KvEntry[]> {
    const filter = subject(bucket, ">");
    const newest = new Map<string, Stored>();
    const keep = (message: Stored) => void newest.set(message.subject.slice(filter.length - 1), message);
    let cursor = await readBulk(link, stream(bucket), filter, 0, Number.POSITIVE_INFINITY, keep);
    for (let asked = 0; cursor < last; asked += 1) {
      if (cursor === 0 || asked === FEW) return each(bucket, keys);
      const message = await nextOf(link, stream(bucket), filter, cursor + 1);
      if (!message) break;
      cursor = message.seq;
      keep(message);
    }
    const entries = await each(
      bucket,
      keys.filter((key) => !newest.has(key)),
    );
    for (const [key, message] of newest) {
      const text = message.string();
      // A deletion has no value; every value has some text.
      if (text === "") await forget(bucket, key, { revision: message.seq, at: message.time });
      else entries.push({ key, value: JSON.parse(text) as Json, revision: message.seq });
    }
    return entries.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  }

  return {
    async get(bucket, key) {
      const entry = await read(bucket, key);
      return entry?.operation === "PUT" ? { key, value: JSON.parse(entry.string()) as Json, revision: entry.revision } : undefined;
    },
    async put(bucket, key, value, revision) {
      checkName(key);
      const kv = kvOf(bucket);
      const payload = encode(link, `${bucket} ${key}`, value);
      return guarded(`write ${bucket} ${key}`, () => (revision === 0 ? kv.create(key, payload) : kv.update(key, payload, revision)));
    },
    async delete(bucket, key, revision) {
      const kv = kvOf(bucket);
      // The client takes 0 for "at any revision".
      if (revision <= 0) return false;
      const done = await guarded(`delete ${bucket} ${key}`, async () => {
        await kv.delete(key, { previousSeq: revision });
        return true;
      });
      return done ?? false;
    },
    async list(bucket) {
      kvOf(bucket);
      const prefix = subject(bucket, "");
      const { subjects, last } = await subjectsOf(link, stream(bucket), `${prefix}>`);
      const keys = subjects.map((found) => found.slice(prefix.length));
      return keys.length > FEW ? many(bucket, keys, last) : each(bucket, keys);
    },
    async watch(bucket, onChange) {
      kvOf(bucket);
      const name = stream(bucket);
      const prefix = subject(bucket, "");
      const info = await link.ask(`watch ${bucket}`, () => link.jsm.streams.info(name), { repeatable: true });
      return followStream(link, name, `${prefix}>`, info.state.last_seq, (message) => onChange(message.subject.slice(prefix.length)));
    },
  };
}

async function openBucket(link: Link, name: string, replicas: number): Promise<KV> {
  const options = { history: 1, replicas, allow_direct: false };
  const kv = await link.ask(`open bucket ${name}`, () => new Kvm(link.js).create(name, { ...options }), { repeatable: true });
  const { config } = await link.ask(`look at bucket ${name}`, () => link.jsm.streams.info(`KV_${name}`), { repeatable: true });
  checkServer(link.where, link.nc.info?.version ?? "", config.num_replicas ?? 1);
  checkBucket(link.where, name, config, replicas);
  return kv;
}

/** Throws `LO_STORE_CONFIG` when the stream of a bucket could lose what must be kept. */
export function checkBucket(where: string, name: string, config: StreamConfig, replicas: number): void {
  checkStream(where, config, {
    name: `KV_${name}`,
    subjects: [`$KV.${name}.>`],
    retention: config.retention,
    storage: config.storage,
    max_msgs_per_subject: 1,
    max_age: 0,
    num_replicas: replicas,
  });
}
