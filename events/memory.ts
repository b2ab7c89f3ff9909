import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { LightsoutError } from "./errors.ts";
import type { Json } from "./json.ts";
import { type MemoryBucket, memoryKv } from "./memory-kv.ts";
import type { Appended, Bucket, EventStore, Log, LogRecord, Stop, Stream, Subject } from "./store.ts";
import { checkName, matches } from "./store.ts";

const DUPLICATE_WINDOW = 120_000;
const RETRY_FIRST = 1_000;
const RETRY_MOST = 30_000;

/** A record as kept: its data stays text, so that nobody can change what was written. */
interface Kept {
  readonly seq: number;
  readonly subject: Subject;
  readonly time: number;
  readonly text: string;
}

interface Worker {
  readonly handle: (record: LogRecord) => Promise<void>;
  busy: boolean;
  stopped: boolean;
  /** Puts the record it works on back, for the others. */
  giveBack: () => void;
}

interface Group {
  filter: Subject;
  cursor: number;
  readonly again: number[];
  readonly tries: Map<number, number>;
  workers: Worker[];
}

interface Shelf {
  kept: Kept[];
  last: number;
  readonly ids: Map<string, { seq: number; time: number }>;
  readonly groups: Map<string, Group>;
  readonly listeners: Set<() => void>;
}

/**
 * An event store that forgets everything with its process: for tests and for trying a function. It keeps every promise of the
 * port but durability. It works in microtasks alone, so that it runs under a fake clock; only the wait before a rejected record
 * comes again (1 s, doubling to 30 s) sleeps, on `clock`. Two workers share it by using one object. What a handler does after
 * its consumer was stopped settles nothing: its record has gone to the others.
 */
export function createMemoryStore(options: { clock?: Clock } = {}): EventStore {
  const clock = options.clock ?? systemClock;
  const shelves = new Map<Stream, Shelf>();
  const buckets = new Map<Bucket, MemoryBucket>();
  const closing = new AbortController();

  const open = () => {
    if (closing.signal.aborted) throw new LightsoutError("LO_STORE_CLOSED", "The memory store is closed");
  };
  const shelfOf = (stream: Stream): Shelf => {
    open();
    return take(shelves, stream, () => ({ kept: [], last: 0, ids: new Map(), groups: new Map(), listeners: new Set() }));
  };
  const bucketOf = (bucket: Bucket): MemoryBucket => {
    open();
    return take(buckets, bucket, () => ({ last: 0, entries: new Map(), watchers: new Set() }));
  };

  const log: Log = {
    async append(stream, subject, data, { expect, id } = {}): Promise<Appended> {
      const shelf = shelfOf(stream);
      checkName(subject);
      const time = clock.now();
      const known = id === undefined ? undefined : shelf.ids.get(id);
      if (known && time - known.time < DUPLICATE_WINDOW) return { ok: true, seq: known.seq, duplicate: true };
      if (expect !== undefined && (shelf.kept.findLast((kept) => kept.subject === subject)?.seq ?? 0) !== expect) return { ok: false };
      shelf.last += 1;
      shelf.kept.push({ seq: shelf.last, subject, time, text: JSON.stringify(data) });
      if (id !== undefined) shelf.ids.set(id, { seq: shelf.last, time });
      for (const listener of shelf.listeners) listener();
      return { ok: true, seq: shelf.last, duplicate: false };
    },
    async read(stream, filter, { after = 0, limit = Number.POSITIVE_INFINITY } = {}) {
      const shelf = shelfOf(stream);
      const found: LogRecord[] = [];
      for (let at = indexAfter(shelf.kept, after); at < shelf.kept.length && found.length < limit; at += 1) {
        const kept = shelf.kept[at];
        if (kept && matches(filter, kept.subject)) found.push(recordOf(kept));
      }
      return found;
    },
    async last(stream, subject) {
      const kept = shelfOf(stream).kept.findLast((candidate) => candidate.subject === subject);
      return kept && recordOf(kept);
    },
    async position(stream) {
      return shelfOf(stream).last;
    },
    async subjects(stream, filter) {
      const all = new Set(shelfOf(stream).kept.map((kept) => kept.subject));
      return [...all].filter((subject) => matches(filter, subject));
    },
    async follow(stream, filter, after, onRecord): Promise<Stop> {
      const shelf = shelfOf(stream);
      let cursor = after;
      let stopped = false;
      const wake = coalesced(() => {
        for (let at = indexAfter(shelf.kept, cursor); at < shelf.kept.length && !stopped && !closing.signal.aborted; at += 1) {
          const kept = shelf.kept[at];
          if (!kept) continue;
          cursor = kept.seq;
          if (matches(filter, kept.subject)) onRecord(recordOf(kept));
        }
      });
      shelf.listeners.add(wake);
      wake();
      return async () => {
        stopped = true;
        shelf.listeners.delete(wake);
      };
    },
    async consume(stream, filter, name, handle, atOnce = 1): Promise<Stop> {
      const shelf = shelfOf(stream);
      const group = take(shelf.groups, name, () => ({ filter, cursor: 0, again: [], tries: new Map(), workers: [] }));
      group.filter = filter;
      const dispatch = coalesced(() => deliver(shelf, group));
      const workers = Array.from({ length: atOnce }, (): Worker => ({ handle, busy: false, stopped: false, giveBack: () => {} }));
      group.workers.push(...workers);
      shelf.listeners.add(dispatch);
      dispatch();
      return async () => {
        for (const worker of workers) worker.stopped = true;
        shelf.listeners.delete(dispatch);
        group.workers = group.workers.filter((other) => !workers.includes(other));
        for (const worker of workers) worker.giveBack();
      };
    },
    async purge(stream, subject, { keep = 0 } = {}) {
      const shelf = shelfOf(stream);
      const mine = shelf.kept.filter((kept) => kept.subject === subject);
      const gone = new Set(keep === 0 ? mine : mine.slice(0, -keep));
      shelf.kept = shelf.kept.filter((kept) => !gone.has(kept));
    },
  };

  function deliver(shelf: Shelf, group: Group): void {
    while (!closing.signal.aborted) {
      const worker = group.workers.find((candidate) => !candidate.busy);
      const kept = worker && nextOf(shelf, group);
      if (!worker || !kept) return;
      // The one that just worked goes to the end, so that workers take turns.
      group.workers = [...group.workers.filter((other) => other !== worker), worker];
      void work(shelf, group, worker, kept);
    }
  }

  async function work(shelf: Shelf, group: Group, worker: Worker, kept: Kept): Promise<void> {
    worker.busy = true;
    worker.giveBack = () => {
      group.again.push(kept.seq);
      deliver(shelf, group);
    };
    let settled = true;
    try {
      await worker.handle(recordOf(kept));
    } catch {
      settled = false;
    }
    worker.busy = false;
    worker.giveBack = () => {};
    if (worker.stopped || closing.signal.aborted) return;
    if (settled) group.tries.delete(kept.seq);
    else void comeAgain(shelf, group, kept.seq);
    deliver(shelf, group);
  }

  async function comeAgain(shelf: Shelf, group: Group, seq: number): Promise<void> {
    const tries = (group.tries.get(seq) ?? 0) + 1;
    group.tries.set(seq, tries);
    try {
      await clock.sleep(Math.min(RETRY_MOST, RETRY_FIRST * 2 ** (tries - 1)), closing.signal);
    } catch {
      return;
    }
    group.again.push(seq);
    deliver(shelf, group);
  }

  return {
    kind: "memory",
    log,
    kv: memoryKv(bucketOf),
    async health() {
      const ok = !closing.signal.aborted;
      return { ok, detail: ok ? "memory: nothing outlives this process" : "memory: closed" };
    },
    async close() {
      closing.abort(new LightsoutError("LO_STORE_CLOSED", "The memory store is closed"));
    },
  };
}

function nextOf(shelf: Shelf, group: Group): Kept | undefined {
  for (let seq = group.again.shift(); seq !== undefined; seq = group.again.shift()) {
    const kept = shelf.kept[indexAfter(shelf.kept, seq - 1)];
    if (kept?.seq === seq) return kept;
  }
  for (let at = indexAfter(shelf.kept, group.cursor); at < shelf.kept.length; at += 1) {
    const kept = shelf.kept[at];
    if (!kept) continue;
    group.cursor = kept.seq;
    if (matches(group.filter, kept.subject)) return kept;
  }
  return undefined;
}

/** The index of the first record after `seq`: records are sorted and only purging makes holes. */
function indexAfter(kept: readonly Kept[], seq: number): number {
  let low = 0;
  let high = kept.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((kept[middle]?.seq ?? Number.POSITIVE_INFINITY) > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}

function recordOf(kept: Kept): LogRecord {
  return { seq: kept.seq, subject: kept.subject, time: kept.time, data: JSON.parse(kept.text) as Json };
}

/** Runs `work` once in a later microtask, however often it is asked to before. */
function coalesced(work: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    queueMicrotask(() => {
      asked = false;
      work();
    });
  };
}

function take<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
