import type { DatabaseSync } from "node:sqlite";
import { LightsoutError } from "#events";
import type { Room } from "./room.ts";

const SQLITE_FULL = 13;

export interface WriteOptions {
  /** For people, when the disk is full: what was not written. */
  readonly what: string;
  /** May use the room that is reserved for outcomes. Default false. */
  readonly reserve?: boolean;
}

/** Turns the writes of one turn of the event loop into one transaction with one sync. */
export interface Commits {
  /**
   * Runs `write` (synchronous statements only) in the turn's transaction and resolves with its result after the commit. If
   * `write` throws, it alone is undone and rejected. On a full disk a write that may not use the reserve rejects with
   * `LO_STORE_FULL`: it changed nothing.
   */
  write<T>(options: WriteOptions, write: () => T): Promise<T>;
  /** Why no more writes are taken; `undefined` while they are. */
  failure(): Error | undefined;
  /** Rejects what waits with `error`; every later write too. */
  stop(error: Error): void;
}

interface Job {
  readonly options: WriteOptions;
  readonly write: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** The group commit of one database. `path` is for messages. */
export function createCommits(db: DatabaseSync, path: string, room: Room): Commits {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const mark = db.prepare("SAVEPOINT job");
  const keep = db.prepare("RELEASE job");
  let queue: Job[] = [];
  let failure: Error | undefined;

  function flush(): void {
    const jobs = queue;
    queue = [];
    if (failure) return;
    const low = room.low();
    const [taken, refused] = low ? split(jobs) : [jobs, []];
    refuse(refused);
    try {
      settle(taken, transact(taken));
    } catch (error) {
      if (isFull(error)) onReserve(taken);
      else fail(taken, error);
    }
    if (!low) restore();
  }

  function transact(jobs: readonly Job[]): Outcome[] {
    if (jobs.length === 0) return [];
    begin.run();
    try {
      const outcomes = jobs.map(attempt);
      commit.run();
      return outcomes;
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  }

  function attempt(job: Job): Outcome {
    mark.run();
    try {
      const value = job.write();
      keep.run();
      return { value };
    } catch (error) {
      // A full disk or a failing one ends the whole group; anything else is this write's own trouble.
      if (isFull(error) || !db.isTransaction) throw error;
      db.exec("ROLLBACK TO job; RELEASE job");
      return { error };
    }
  }

  function onReserve(jobs: readonly Job[]): void {
    const [taken, refused] = split(jobs);
    refuse(refused);
    try {
      room.release();
      // Moves what is committed into the freed room, so that the log can start again at its beginning.
      db.exec("PRAGMA wal_checkpoint(RESTART)");
      settle(taken, transact(taken));
    } catch (error) {
      if (isFull(error)) refuse(taken);
      else fail(taken, error);
    }
  }

  /** After a failed sync nobody knows what the disk holds: no more writes until the file has been opened and checked again. */
  function fail(jobs: readonly Job[], error: unknown): void {
    failure = new LightsoutError("LO_STORE_FAILED", `${path}: a commit failed: ${error instanceof Error ? error.message : String(error)}`, {
      hint: "Look at the disk and the kernel log, then restart: the file is checked when it is opened",
      cause: error,
    });
    for (const job of jobs) job.reject(failure);
  }

  function restore(): void {
    try {
      room.restore();
    } catch {
      // No room for a whole reserve: take it back, and try with the next write.
      room.release();
    }
  }

  const refuse = (jobs: readonly Job[]) => {
    for (const job of jobs) job.reject(room.full(job.options.what));
  };

  restore();
  return {
    failure: () => failure,
    write: <T>(options: WriteOptions, write: () => T) =>
      new Promise<T>((resolve, reject) => {
        if (failure) return reject(failure);
        queue.push({ options, write, resolve: resolve as (value: unknown) => void, reject });
        if (queue.length === 1) setImmediate(flush);
      }),
    stop(error) {
      failure = error;
      for (const job of queue.splice(0)) job.reject(error);
    },
  };
}

function settle(jobs: readonly Job[], outcomes: readonly Outcome[]): void {
  for (const [index, job] of jobs.entries()) {
    const outcome = outcomes[index];
    if (outcome && "value" in outcome) job.resolve(outcome.value);
    else job.reject(outcome?.error);
  }
}

function split(jobs: readonly Job[]): [Job[], Job[]] {
  return [jobs.filter((job) => job.options.reserve), jobs.filter((job) => !job.options.reserve)];
}

function isFull(error: unknown): boolean {
  return ((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_FULL;
}
