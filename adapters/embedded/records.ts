import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Json, LogRecord, Stream, Subject } from "#events";
import { matches } from "#events";

/** One stream's table, read synchronously: what is read is committed, since writes run in one piece. */
export interface Records {
  /** Looks through the next `limit` records after `seq` for those under a filter. */
  scan(filter: Subject, seq: number, limit: number): Scan;
  of(subject: Subject, after: number, limit: number): LogRecord[];
  one(seq: number): LogRecord | undefined;
  last(subject: Subject): LogRecord | undefined;
  lastSeq(subject: Subject): number;
  position(): number;
  subjects(filter: Subject): Subject[];
  insert(subject: Subject, time: number, text: string): number;
  remove(subject: Subject, keep: number): void;
  /** Removes at most `limit` of the oldest records, if they were received before `time`. */
  expire(time: number, limit: number): void;
}

export interface Scan {
  readonly found: LogRecord[];
  /** The last one that was looked at. */
  readonly last: number;
  /** There may be more behind it. */
  readonly more: boolean;
}

/** The statements of one stream's table. */
export function createRecords(db: DatabaseSync, stream: Stream): Records {
  const table = `log_${stream}`;
  const all = "seq, subject, time, data";
  const after = db.prepare(`SELECT ${all} FROM ${table} WHERE seq > ? ORDER BY seq LIMIT ?`);
  const of = db.prepare(`SELECT ${all} FROM ${table} WHERE subject = ? AND seq > ? ORDER BY seq LIMIT ?`);
  const one = db.prepare(`SELECT ${all} FROM ${table} WHERE seq = ?`);
  const last = db.prepare(`SELECT ${all} FROM ${table} WHERE subject = ? ORDER BY seq DESC LIMIT 1`);
  const lastSeq = db.prepare(`SELECT max(seq) AS seq FROM ${table} WHERE subject = ?`);
  const position = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = ?");
  const subjects = db.prepare(`SELECT DISTINCT subject FROM ${table} WHERE subject >= ? AND subject < ? ORDER BY subject`);
  const insert = db.prepare(`INSERT INTO ${table} (subject, time, data) VALUES (?, ?, ?)`);
  const remove = db.prepare(
    `DELETE FROM ${table} WHERE subject = ?1 AND seq NOT IN (SELECT seq FROM ${table} WHERE subject = ?1 ORDER BY seq DESC LIMIT ?2)`,
  );
  const expire = db.prepare(`DELETE FROM ${table} WHERE time < ? AND seq IN (SELECT seq FROM ${table} ORDER BY seq LIMIT ?)`);
  return {
    scan(filter, seq, limit) {
      const rows = after.all(seq, limit);
      const found = rows.filter((row) => matches(filter, String(row.subject))).map(recordOf);
      return { found, last: Number(rows.at(-1)?.seq ?? seq), more: rows.length === limit };
    },
    of: (subject, seq, limit) => of.all(subject, seq, limit).map(recordOf),
    one: (seq) => optional(one, seq),
    last: (subject) => optional(last, subject),
    lastSeq: (subject) => Number(lastSeq.get(subject)?.seq ?? 0),
    position: () => Number(position.get(table)?.seq ?? 0),
    subjects(filter) {
      const [from, to] = prefixRange(filter);
      const found = subjects.all(from, to).map((row) => String(row.subject));
      return found.filter((subject) => matches(filter, subject));
    },
    insert: (subject, time, text) => Number(insert.run(subject, time, text).lastInsertRowid),
    remove: (subject, keep) => void remove.run(subject, keep),
    expire: (time, limit) => void expire.run(time, limit),
  };
}

/** The range of subjects that start with the filter's tokens before its first wildcard. Names are ASCII; `~` is after all of it. */
function prefixRange(filter: Subject): [string, string] {
  const tokens = filter.split(".");
  const wild = tokens.findIndex((token) => token === "*" || token === ">");
  const prefix = (wild < 0 ? tokens : tokens.slice(0, wild)).join(".");
  return [prefix, `${prefix}~`];
}

function optional(statement: StatementSync, key: number | string): LogRecord | undefined {
  const row = statement.get(key);
  return row && recordOf(row);
}

function recordOf(row: Record<string, unknown>): LogRecord {
  return { seq: Number(row.seq), subject: String(row.subject), time: Number(row.time), data: JSON.parse(String(row.data)) as Json };
}
