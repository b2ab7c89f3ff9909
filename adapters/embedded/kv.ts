import type { DatabaseSync } from "node:sqlite";
import type { Bucket, Json, Kv, KvEntry } from "#events";
import { checkName } from "#events";
import type { Commits } from "./commit.ts";

/** Buckets whose writes may use the room that is reserved for outcomes: without them running work could not end. */
const ON_RESERVE: ReadonlySet<Bucket> = new Set<Bucket>(["claims", "leases"]);

/** The buckets in one SQLite file. Revisions rise over all of them. */
export function createKv(db: DatabaseSync, commits: Commits, closing: AbortSignal): Kv {
  const get = db.prepare("SELECT key, value, revision FROM entries WHERE bucket = ? AND key = ?");
  const list = db.prepare("SELECT key, value, revision FROM entries WHERE bucket = ? ORDER BY key");
  const add = db.prepare("INSERT OR IGNORE INTO entries (bucket, key, value) VALUES (?, ?, ?)");
  // Replacing gives the row the table's next number, which AUTOINCREMENT never gives twice.
  const replace = db.prepare(
    "INSERT OR REPLACE INTO entries (bucket, key, value) SELECT bucket, key, ?3 FROM entries WHERE bucket = ?1 AND key = ?2 AND revision = ?4",
  );
  const drop = db.prepare("DELETE FROM entries WHERE bucket = ? AND key = ? AND revision = ?");
  const watchers = new Map<Bucket, Set<(key: string) => void>>();

  const changed = (bucket: Bucket, key: string) => {
    for (const watcher of watchers.get(bucket) ?? []) watcher(key);
  };
  return {
    async get(bucket, key) {
      closing.throwIfAborted();
      const row = get.get(bucket, key);
      return row && entryOf(row);
    },
    async put(bucket, key, value, revision) {
      closing.throwIfAborted();
      checkName(key);
      const text = JSON.stringify(value);
      const written = await commits.write({ what: `${bucket} ${key}`, reserve: ON_RESERVE.has(bucket) }, () => {
        const { changes, lastInsertRowid } = revision === 0 ? add.run(bucket, key, text) : replace.run(bucket, key, text, revision);
        return changes === 0 ? undefined : Number(lastInsertRowid);
      });
      if (written !== undefined) changed(bucket, key);
      return written;
    },
    async delete(bucket, key, revision) {
      closing.throwIfAborted();
      const what = `deletion of ${bucket} ${key}`;
      const done = await commits.write({ what, reserve: true }, () => drop.run(bucket, key, revision).changes === 1);
      if (done) changed(bucket, key);
      return done;
    },
    async list(bucket) {
      closing.throwIfAborted();
      return list.all(bucket).map(entryOf);
    },
    async watch(bucket, onChange) {
      closing.throwIfAborted();
      const mine = watchers.get(bucket) ?? new Set();
      watchers.set(bucket, mine);
      const watcher = (key: string) => onChange(key);
      mine.add(watcher);
      return async () => void mine.delete(watcher);
    },
  };
}

function entryOf(row: Record<string, unknown>): KvEntry {
  return { key: String(row.key), value: JSON.parse(String(row.value)) as Json, revision: Number(row.revision) };
}
