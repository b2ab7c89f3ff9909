import { readFileSync, statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { LightsoutError } from "#events";

/** The file is another process's. */
export const SQLITE_BUSY = 5;

/**
 * Makes this process the file's only owner until it ends, however it ends: the lock is the kernel's, so a kill leaves nothing
 * behind. Throws `LO_STORE_OWNED` when another process has it.
 *
 * Nothing else in this process may open the database file: POSIX drops a process's locks on a file when *any* descriptor of
 * it is closed.
 */
export function own(db: DatabaseSync, path: string): void {
  try {
    // In exclusive mode SQLite keeps the lock that its first write takes, and needs no shared-memory file beside the log.
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("BEGIN EXCLUSIVE; COMMIT");
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    const pid = ownerOf(path);
    throw new LightsoutError("LO_STORE_OWNED", `${path} belongs to another process${pid === undefined ? "" : ` (pid ${pid})`}`, {
      hint: "One process owns an embedded store. Talk to it with the lightsout command, which uses its HTTP API, or stop it first; for many workers use the nats store",
      cause: error,
    });
  }
}

/** The process that holds a lock on the file, as Linux tells it; `undefined` where it does not. */
export function ownerOf(path: string): number | undefined {
  try {
    const { ino } = statSync(path);
    const line = readFileSync("/proc/locks", "utf8")
      .split("\n")
      .find((candidate) => candidate.includes(`:${ino} `));
    const pid = Number(/(?:READ|WRITE)\s+(\d+)\s/.exec(line ?? "")?.[1]);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
