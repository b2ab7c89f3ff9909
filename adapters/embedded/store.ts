import { resolve } from "node:path";
import type { Clock, EventStore } from "#events";
import { LightsoutError, systemClock } from "#events";
import { createCommits } from "./commit.ts";
import { createKv } from "./kv.ts";
import { createLog } from "./log.ts";
import type { RoomOptions } from "./room.ts";
import { createRoom } from "./room.ts";
import { openDatabase } from "./schema.ts";

const DAY = 86_400_000;

export interface EmbeddedOptions {
  /** The database file. Beside it stand `-wal` (the log) and `.reserve` (room for outcomes). */
  readonly path: string;
  /** The site the file belongs to; written on creation, checked afterwards. */
  readonly site: string;
  readonly clock?: Clock;
  /** How long events are kept. Default 30 days. Journals and dead letters never expire here. */
  readonly keepEventsMs?: number;
  readonly room?: RoomOptions;
}

/**
 * Opens the event store that lives in this process: one SQLite file, one owner, nothing to install. Every answer and every
 * wake-up comes after the commit was synced; all writes of one turn of the event loop share one commit.
 *
 * Rejects with a `LightsoutError` that names the file and the remedy: `LO_STORE_OWNED` (another process has it),
 * `LO_STORE_PLACE` (network file system), `LO_STORE_NEWER`, `LO_STORE_CORRUPT`, `LO_STORE_FOREIGN`, `LO_STORE_SITE`,
 * `LO_STORE_ACCESS`. On a full disk events are refused with `LO_STORE_FULL` while the journal, claims, leases, deletions and
 * consumers' positions are still written.
 */
export async function createEmbeddedStore(options: EmbeddedOptions): Promise<EventStore> {
  const { site, clock = systemClock, keepEventsMs = 30 * DAY } = options;
  const path = resolve(options.path);
  const db = openDatabase(path, site);
  const room = createRoom(path, options.room);
  const closing = new AbortController();
  const commits = createCommits(db, path, room);
  return {
    kind: "embedded",
    log: createLog({ db, commits, clock, closing: closing.signal, keepEvents: keepEventsMs }),
    kv: createKv(db, commits, closing.signal),
    async health() {
      const failure = commits.failure();
      if (failure) return { ok: false, detail: `embedded: ${failure.message}` };
      const free = `${Math.floor(room.free() / 2 ** 20)} MiB free`;
      if (room.low()) return { ok: false, detail: `embedded: ${path}: ${free}: new events are refused until there is room` };
      return { ok: true, detail: `embedded: SQLite ${process.versions.sqlite ?? ""} at ${path}, ${free}` };
    },
    async close() {
      if (closing.signal.aborted) return;
      const closed = new LightsoutError("LO_STORE_CLOSED", `${path} is closed`);
      closing.abort(closed);
      commits.stop(closed);
      db.close();
    },
  };
}
