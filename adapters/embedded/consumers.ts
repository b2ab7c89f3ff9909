import type { DatabaseSync } from "node:sqlite";
import type { Clock, LogRecord, Stop, Subject } from "#events";
import type { Commits } from "./commit.ts";
import type { Shelf } from "./shelf.ts";
import { BATCH, coalesced } from "./shelf.ts";

const RETRY_FIRST = 1_000;
const RETRY_MOST = 30_000;

export interface ConsumersOptions {
  readonly db: DatabaseSync;
  readonly commits: Commits;
  readonly clock: Clock;
  /** Ends with the store. */
  readonly closing: AbortSignal;
}

/** The shared, durable positions of one database. */
export interface Consumers {
  /** Joins the workers of `name` with `atOnce` more, that handle one record at a time each. */
  consume(shelf: Shelf, filter: Subject, name: string, handle: (record: LogRecord) => Promise<void>, atOnce: number): Stop;
  /** Forgets what was read and not handed out yet: records were removed. */
  readAgain(): void;
}

interface Worker {
  readonly handle: (record: LogRecord) => Promise<void>;
  holds: number | undefined;
  stopped: boolean;
}

/**
 * One durable position. On disk: everything up to `position` was handed out, and of that all but the rows in `unsettled`
 * was settled. It is written when a record is settled, with whatever else is out at that moment.
 */
interface Group {
  readonly shelf: Shelf;
  readonly name: string;
  filter: Subject;
  position: number;
  /** Read, and not handed out yet. */
  readonly ahead: LogRecord[];
  /** Handed out and not settled: how often it was rejected. */
  readonly out: Map<number, number>;
  /** Of those, the ones that are to be handed out again now. */
  readonly again: number[];
  readonly workers: Worker[];
  readonly wake: () => void;
  /** What is out and stands in `unsettled`. */
  readonly noted: Set<number>;
  /** Settled, and on the way into the next commit. */
  settling: { readonly seqs: number[]; readonly written: Promise<void> } | undefined;
}

/** The consumers of one database. What a handler does after its worker was stopped settles nothing. */
export function createConsumers({ db, commits, clock, closing }: ConsumersOptions): Consumers {
  const groups = new Map<string, Group>();
  const placed = db.prepare("SELECT position FROM consumers WHERE stream = ? AND name = ?");
  const noted = db.prepare("SELECT seq FROM unsettled WHERE stream = ? AND name = ? ORDER BY seq");
  const place = db.prepare("INSERT OR REPLACE INTO consumers (stream, name, position) VALUES (?, ?, ?)");
  const note = db.prepare("INSERT OR IGNORE INTO unsettled (stream, name, seq) VALUES (?, ?, ?)");
  const drop = db.prepare("DELETE FROM unsettled WHERE stream = ? AND name = ? AND seq = ?");

  function groupOf(shelf: Shelf, filter: Subject, name: string): Group {
    const { stream } = shelf;
    const key = `${stream} ${name}`;
    const found = groups.get(key);
    if (found) return found;
    const unsettled = noted.all(stream, name).map((row) => Number(row.seq));
    const group: Group = {
      shelf,
      name,
      filter,
      position: Number(placed.get(stream, name)?.position ?? 0),
      ahead: [],
      out: new Map(unsettled.map((seq) => [seq, 0])),
      again: unsettled,
      workers: [],
      noted: new Set(unsettled),
      settling: undefined,
      wake: coalesced(() => deliver(group)),
    };
    shelf.listeners.add(group.wake);
    groups.set(key, group);
    return group;
  }

  function deliver(group: Group): void {
    while (!closing.aborted) {
      const worker = group.workers.find((candidate) => candidate.holds === undefined);
      const record = worker && next(group);
      if (!worker || !record) return;
      // The one that works goes to the end, so that workers take turns.
      group.workers.splice(group.workers.indexOf(worker), 1);
      group.workers.push(worker);
      void work(group, worker, record);
    }
  }

  function next(group: Group): LogRecord | undefined {
    const { records } = group.shelf;
    for (let seq = group.again.shift(); seq !== undefined; seq = group.again.shift()) {
      const record = records.one(seq);
      if (record) return record;
      group.out.delete(seq);
    }
    const { ahead } = group;
    if (ahead.length === 0) {
      const { found, last, more } = records.scan(group.filter, group.position, BATCH);
      ahead.push(...found);
      // A long stretch that is not for this name: go on in a later turn.
      if (found.length === 0) group.position = last;
      if (found.length === 0 && more) group.wake();
    }
    const record = ahead.shift();
    if (!record) return undefined;
    group.position = record.seq;
    group.out.set(record.seq, 0);
    return record;
  }

  async function work(group: Group, worker: Worker, record: LogRecord): Promise<void> {
    worker.holds = record.seq;
    const rejections = group.out.get(record.seq) ?? 0;
    let settled = true;
    try {
      await worker.handle(record);
      if (!worker.stopped) await settle(group, record.seq);
    } catch {
      settled = false;
      if (!worker.stopped) group.out.set(record.seq, rejections + 1);
    }
    if (worker.stopped || closing.aborted) return;
    worker.holds = undefined;
    group.wake();
    if (!settled) await comeAgain(group, record.seq, rejections);
  }

  async function comeAgain(group: Group, seq: number, rejections: number): Promise<void> {
    try {
      await clock.sleep(Math.min(RETRY_MOST, RETRY_FIRST * 2 ** rejections), closing);
    } catch {
      return;
    }
    group.again.push(seq);
    group.wake();
  }

  /** All that is settled in one turn of the event loop is written at once. */
  function settle(group: Group, seq: number): Promise<void> {
    if (group.settling) {
      group.settling.seqs.push(seq);
      return group.settling.written;
    }
    const seqs = [seq];
    let others: readonly number[] = [];
    const written = commits
      .write({ what: `position ${group.name}`, reserve: true }, () => {
        group.settling = undefined;
        others = put(group, seqs);
      })
      .then(() => {
        for (const one of seqs) group.noted.delete(one);
        for (const other of others) if (group.out.has(other)) group.noted.add(other);
      });
    group.settling = { seqs, written };
    return written;
  }

  /** Answers what it noted that was not yet. A commit that is tried again does this again. */
  function put({ name, noted, out, position, shelf: { stream } }: Group, seqs: readonly number[]): readonly number[] {
    // Here and not after the commit: another settling may share the transaction, and must not note these.
    for (const seq of seqs) {
      out.delete(seq);
      if (noted.has(seq)) drop.run(stream, name, seq);
    }
    place.run(stream, name, position);
    const others = [...out.keys()].filter((seq) => !noted.has(seq));
    for (const seq of others) note.run(stream, name, seq);
    return others;
  }

  return {
    readAgain() {
      for (const group of groups.values()) group.ahead.length = 0;
    },
    consume(shelf, filter, name, handle, atOnce) {
      const group = groupOf(shelf, filter, name);
      group.filter = filter;
      group.ahead.length = 0;
      const workers = Array.from({ length: atOnce }, (): Worker => ({ handle, holds: undefined, stopped: false }));
      group.workers.push(...workers);
      group.wake();
      return async () => {
        for (const worker of workers) {
          worker.stopped = true;
          const at = group.workers.indexOf(worker);
          if (at >= 0) group.workers.splice(at, 1);
          if (worker.holds !== undefined) group.again.push(worker.holds);
          worker.holds = undefined;
        }
        group.wake();
      };
    },
  };
}
