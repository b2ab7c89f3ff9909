import { LightsoutError } from "./errors.ts";
import type { Json } from "./json.ts";

/**
 * What the runtime needs of an event store: an append-only log with compare-and-set per subject, and small
 * key-value buckets with compare-and-set per key. Journals, claims, the ledger, incidents and reservations are
 * built on these two, once, in this folder; a store implements nothing more.
 *
 * Every write resolves only when it is durable. A refused write is a value, not an exception: it changed nothing.
 * An exception means that the answer is unknown (the write may have happened).
 */
export interface EventStore {
  /** For people and `/healthz`: `"memory"`, `"embedded"`, `"nats"`. */
  readonly kind: string;
  readonly log: Log;
  readonly kv: Kv;
  health(): Promise<StoreHealth>;
  /** Lets go of everything. Pending calls reject. */
  close(): Promise<void>;
}

export interface StoreHealth {
  readonly ok: boolean;
  /** One line for a person: what it is, its version, or what is wrong and what to do. */
  readonly detail: string;
}

/** The streams a store keeps. Sequences rise by stream; retention is the store's configuration. */
export type Stream = "events" | "journal" | "dead";

/**
 * A subject inside a stream: tokens separated by dots, each already encoded (`encodeToken`).
 * In `read`, `follow` and `consume` a filter may use `*` (one token) and end in `>` (the rest).
 */
export type Subject = string;

export interface LogRecord {
  /** Position in the stream: starts at 1, rises, never reused. */
  readonly seq: number;
  readonly subject: Subject;
  /** When the store received it, milliseconds since the epoch, by the store's clock. */
  readonly time: number;
  readonly data: Json;
}

export type Appended =
  /** Stored. `duplicate`: a record with the same `id` was there already; `seq` is that record's. */
  | { readonly ok: true; readonly seq: number; readonly duplicate: boolean }
  /** Refused: the subject's last sequence was not the expected one. Nothing was written. */
  | { readonly ok: false };

export interface Log {
  /**
   * Appends durably. `expect`: the subject's last sequence must be this (0: the subject has no record).
   * `id`: a second append with the same id in the same stream writes nothing and answers `duplicate`
   * (for at least two minutes; correctness must not rest on it).
   */
  append(stream: Stream, subject: Subject, data: Json, options?: { expect?: number; id?: string }): Promise<Appended>;
  /** Records of a filter after position `after` (default 0), in order, at most `limit` (default all). */
  read(stream: Stream, filter: Subject, options?: { after?: number; limit?: number }): Promise<LogRecord[]>;
  /** The last record of one exact subject. */
  last(stream: Stream, subject: Subject): Promise<LogRecord | undefined>;
  /** The stream's newest sequence, 0 if it has none. */
  position(stream: Stream): Promise<number>;
  /** The distinct subjects under a filter. */
  subjects(stream: Stream, filter: Subject): Promise<Subject[]>;
  /**
   * Calls `onRecord` for every record after `after`, in order, once each, until stopped. It survives the store's
   * restarts without a gap. `onRecord` must not throw and is not awaited.
   */
  follow(stream: Stream, filter: Subject, after: number, onRecord: (record: LogRecord) => void): Promise<Stop>;
  /**
   * A durable, shared position called `name`: each record goes to one of the workers that consume under that name,
   * at most `atOnce` at a time to this one (default 1). When `handle` resolves the record is settled; when it rejects, or the worker dies, it comes
   * again (to any worker). A new name starts at the stream's first record.
   */
  consume(stream: Stream, filter: Subject, name: string, handle: (record: LogRecord) => Promise<void>, atOnce?: number): Promise<Stop>;
  /**
   * Removes all but the newest `keep` (default 0) records of one exact subject. Not for a stream that is consumed at the same time: after it,
   * nats-server 2.9.10 passes over the next record for a consumer that has one in hand.
   */
  purge(stream: Stream, subject: Subject, options?: { keep?: number }): Promise<void>;
}

/** Ends a subscription; resolves when no further call will be made. */
export type Stop = () => Promise<void>;

/** The buckets a store keeps. */
export type Bucket = "claims" | "ledger" | "incidents" | "reservations" | "leases" | "runs" | "settings" | "arms" | "seen";

export interface KvEntry {
  readonly key: string;
  readonly value: Json;
  /** Rises with every write of this key; unique in the bucket's history. */
  readonly revision: number;
}

export interface Kv {
  get(bucket: Bucket, key: string): Promise<KvEntry | undefined>;
  /**
   * Writes if the key is at `revision` (0: it must not exist). Answers the new revision, or `undefined` when refused.
   */
  put(bucket: Bucket, key: string, value: Json, revision: number): Promise<number | undefined>;
  /** Deletes if the key is at `revision`. False when refused. */
  delete(bucket: Bucket, key: string, revision: number): Promise<boolean>;
  list(bucket: Bucket): Promise<KvEntry[]>;
  /** Calls `onChange` with every key that changes from now on. A hint: read the key to know. */
  watch(bucket: Bucket, onChange: (key: string) => void): Promise<Stop>;
}

/** One subject or key token: letters, digits, `-` and `_` stand for themselves, every other byte becomes `=XX`. */
export function encodeToken(text: string): string {
  if (text === "") return "=";
  if (/^[A-Za-z0-9_-]+$/.test(text)) return text;
  return Buffer.from(text, "utf8").reduce((out, byte) => {
    const char = String.fromCharCode(byte);
    return out + (/[A-Za-z0-9_-]/.test(char) ? char : `=${byte.toString(16).padStart(2, "0")}`);
  }, "");
}

/** The inverse of `encodeToken`. */
export function decodeToken(token: string): string {
  if (token === "=") return "";
  const bytes: number[] = [];
  for (let at = 0; at < token.length; at += 1) {
    if (token[at] === "=") {
      bytes.push(Number.parseInt(token.slice(at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(token.charCodeAt(at));
  }
  return Buffer.from(bytes).toString("utf8");
}

/** Refuses a subject or key whose tokens were not encoded: a store could read it as a wildcard or as another one. */
export function checkName(name: string): void {
  if (/^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)*$/.test(name)) return;
  throw new LightsoutError("LO_STORE_NAME", `${JSON.stringify(name)} is not a subject or key`, {
    hint: "Encode every token with encodeToken",
  });
}

/** Whether `subject` is under `filter`. */
export function matches(filter: Subject, subject: Subject): boolean {
  if (filter === ">") return true;
  const want = filter.split(".");
  const have = subject.split(".");
  for (const [index, token] of want.entries()) {
    if (token === ">") return have.length > index;
    if (index >= have.length || (token !== "*" && token !== have[index])) return false;
  }
  return want.length === have.length;
}
