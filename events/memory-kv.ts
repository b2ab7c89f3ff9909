import type { Json } from "./json.ts";
import type { Bucket, Kv, KvEntry } from "./store.ts";
import { checkName } from "./store.ts";

/** What one bucket holds. Values stay text, so that nobody can change what was written. */
export interface MemoryBucket {
  last: number;
  readonly entries: Map<string, { text: string; revision: number }>;
  readonly watchers: Set<(key: string) => void>;
}

/** The buckets of a store in memory. */
export function memoryKv(bucketOf: (bucket: Bucket) => MemoryBucket): Kv {
  const entryOf = (key: string, kept: { text: string; revision: number }): KvEntry => ({
    key,
    value: JSON.parse(kept.text) as Json,
    revision: kept.revision,
  });
  const changed = (bucket: MemoryBucket, key: string) => {
    for (const watcher of bucket.watchers) queueMicrotask(() => bucket.watchers.has(watcher) && watcher(key));
  };
  return {
    async get(name, key) {
      const kept = bucketOf(name).entries.get(key);
      return kept && entryOf(key, kept);
    },
    async put(name, key, value, revision) {
      const bucket = bucketOf(name);
      checkName(key);
      if ((bucket.entries.get(key)?.revision ?? 0) !== revision) return undefined;
      bucket.last += 1;
      bucket.entries.set(key, { text: JSON.stringify(value), revision: bucket.last });
      changed(bucket, key);
      return bucket.last;
    },
    async delete(name, key, revision) {
      const bucket = bucketOf(name);
      if (revision === 0 || bucket.entries.get(key)?.revision !== revision) return false;
      bucket.last += 1;
      bucket.entries.delete(key);
      changed(bucket, key);
      return true;
    },
    async list(name) {
      return [...bucketOf(name).entries].map(([key, kept]) => entryOf(key, kept));
    },
    async watch(name, onChange) {
      const { watchers } = bucketOf(name);
      const watcher = (key: string) => onChange(key);
      watchers.add(watcher);
      return async () => void watchers.delete(watcher);
    },
  };
}
