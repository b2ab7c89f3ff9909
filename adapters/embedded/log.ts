import type { DatabaseSync } from "node:sqlite";
import type { Appended, Clock, Log, LogRecord, Stop, Stream, Subject } from "#events";
import { checkName } from "#events";
import type { Commits } from "./commit.ts";
import { createConsumers } from "./consumers.ts";
import { createRecords } from "./records.ts";
import type { Shelf } from "./shelf.ts";
import { BATCH, coalesced } from "./shelf.ts";

const STREAMS: readonly Stream[] = ["events", "journal", "dead"];
/** At least the port's two minutes; what is older is swept now and then. */
const DUPLICATE_WINDOW = 120_000;
const SWEEP_EVERY = 60_000;
const SWEEP_AT_MOST = 1_000;

export interface LogOptions {
  readonly db: DatabaseSync;
  readonly commits: Commits;
  readonly clock: Clock;
  /** Ends with the store. */
  readonly closing: AbortSignal;
  /** How long events are kept, in milliseconds. */
  readonly keepEvents: number;
}

/** The log in one SQLite file. */
export function createLog({ db, commits, clock, closing, keepEvents }: LogOptions): Log {
  const shelves = new Map(
    STREAMS.map((stream) => [stream, { stream, records: createRecords(db, stream), listeners: new Set<() => void>() }]),
  );
  const knownId = db.prepare("SELECT seq, time FROM ids WHERE stream = ? AND id = ?");
  const keepId = db.prepare("INSERT OR REPLACE INTO ids (stream, id, seq, time) VALUES (?, ?, ?, ?)");
  const dropIds = db.prepare("DELETE FROM ids WHERE time < ?");
  const consumers = createConsumers({ db, commits, clock, closing });
  let swept = Number.NEGATIVE_INFINITY;

  const shelfOf = (stream: Stream): Shelf => {
    closing.throwIfAborted();
    const shelf = shelves.get(stream);
    if (!shelf) throw new TypeError(`${String(stream)} is not a stream`);
    return shelf;
  };

  function store(shelf: Shelf, subject: Subject, text: string, { expect, id }: { expect?: number; id?: string }): Appended {
    const time = clock.now();
    const known = id === undefined ? undefined : knownId.get(shelf.stream, id);
    if (known && time - Number(known.time) < DUPLICATE_WINDOW) return { ok: true, seq: Number(known.seq), duplicate: true };
    if (expect !== undefined && shelf.records.lastSeq(subject) !== expect) return { ok: false };
    const seq = shelf.records.insert(subject, time, text);
    if (id !== undefined) keepId.run(shelf.stream, id, seq, time);
    return { ok: true, seq, duplicate: false };
  }

  /** What is too old goes a little at a time, so that no commit is long. */
  function sweep(): void {
    if (clock.mono() - swept < SWEEP_EVERY) return;
    swept = clock.mono();
    const now = clock.now();
    dropIds.run(now - 2 * DUPLICATE_WINDOW);
    shelves.get("events")?.records.expire(now - keepEvents, SWEEP_AT_MOST);
  }

  return {
    async append(stream, subject, data, options = {}) {
      const shelf = shelfOf(stream);
      checkName(subject);
      const text = JSON.stringify(data);
      const what = `${stream} record ${subject}`;
      const answer = await commits.write({ what, reserve: stream === "journal" }, () => {
        sweep();
        return store(shelf, subject, text, options);
      });
      if (answer.ok && !answer.duplicate) for (const listener of shelf.listeners) listener();
      return answer;
    },
    async read(stream, filter, { after = 0, limit = Number.POSITIVE_INFINITY } = {}) {
      const { records } = shelfOf(stream);
      if (isExact(filter)) return records.of(filter, after, limit === Number.POSITIVE_INFINITY ? -1 : limit);
      const found: LogRecord[] = [];
      for (let cursor = after, more = true; more && found.length < limit; ) {
        const batch = records.scan(filter, cursor, BATCH);
        found.push(...batch.found);
        cursor = batch.last;
        more = batch.more;
      }
      return found.slice(0, limit);
    },
    async last(stream, subject) {
      return shelfOf(stream).records.last(subject);
    },
    async position(stream) {
      return shelfOf(stream).records.position();
    },
    async subjects(stream, filter) {
      return shelfOf(stream).records.subjects(filter);
    },
    async follow(stream, filter, after, onRecord) {
      return follow(shelfOf(stream), filter, after, onRecord, closing);
    },
    async consume(stream, filter, name, handle, atOnce = 1) {
      return consumers.consume(shelfOf(stream), filter, name, handle, atOnce);
    },
    async purge(stream, subject, { keep = 0 } = {}) {
      const { records } = shelfOf(stream);
      await commits.write({ what: `purge of ${subject}`, reserve: true }, () => records.remove(subject, keep));
      consumers.readAgain();
    },
  };
}

function follow(shelf: Shelf, filter: Subject, after: number, onRecord: (record: LogRecord) => void, closing: AbortSignal): Stop {
  let cursor = after;
  let stopped = false;
  const wake = coalesced(() => {
    if (stopped || closing.aborted) return;
    const { found, last, more } = shelf.records.scan(filter, cursor, BATCH);
    cursor = last;
    for (const record of found) {
      if (stopped) return;
      onRecord(record);
    }
    if (more) wake();
  });
  shelf.listeners.add(wake);
  wake();
  return async () => {
    stopped = true;
    shelf.listeners.delete(wake);
  };
}

function isExact(filter: Subject): boolean {
  return !/(^|\.)[*>](\.|$)/.test(filter);
}
