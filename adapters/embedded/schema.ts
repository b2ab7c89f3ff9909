import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { LightsoutError } from "#events";
import { own } from "./lock.ts";
import { checkPlace } from "./room.ts";

/** "LOUT": marks the file as ours in SQLite's header. */
const APPLICATION_ID = 0x4c4f5554;

/** One entry takes the schema one version up. Never edit one that was released: add the next. */
const MIGRATIONS: readonly string[] = [
  ["events", "journal", "dead"]
    .map(
      (stream) => `
      CREATE TABLE log_${stream} (seq INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, time INTEGER NOT NULL, data TEXT NOT NULL);
      CREATE INDEX log_${stream}_subject ON log_${stream} (subject, seq);`,
    )
    .join("") +
    `
      CREATE TABLE ids (stream TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (stream, id));
      CREATE INDEX ids_time ON ids (time);
      CREATE TABLE consumers (stream TEXT NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (stream, name));
      CREATE TABLE unsettled (stream TEXT NOT NULL, name TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (stream, name, seq));
      CREATE TABLE entries (
        revision INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (bucket, key)
      );
      CREATE TABLE about (site TEXT NOT NULL);`,
];

/**
 * Opens the store's file, creating it and its folder if needed, and makes it ours: one owner, write-ahead log, every commit
 * synced, pages checked, schema brought up to date. Every refusal names the file and what to do.
 */
export function openDatabase(path: string, site: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    checkPlace(path);
    const existed = existsSync(path);
    db = new DatabaseSync(path, { timeout: 0 });
    // The owner first: a file that somebody is writing must not even be checked.
    own(db, path);
    db.exec("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216");
    if (existed) checkPages(db, path);
    migrate(db, path);
    checkSite(db, path, site);
    return db;
  } catch (error) {
    db?.close();
    throw readable(error, path);
  }
}

/** Throws `LO_STORE_CORRUPT` when SQLite finds a page that is damaged. */
export function checkPages(db: DatabaseSync, path: string): void {
  const found = Object.values(db.prepare("PRAGMA quick_check(1)").get() ?? {})[0];
  if (found !== "ok") throw corrupt(path, String(found));
}

/** The version of its schema; throws when the file is a newer Lightsout's or another program's. */
export function schemaOf(db: DatabaseSync, path: string): number {
  const version = numberOf(db, "user_version");
  if (version > MIGRATIONS.length) {
    throw new LightsoutError(
      "LO_STORE_NEWER",
      `${path} was written by a newer Lightsout: its schema is ${version}, this one knows up to ${MIGRATIONS.length}`,
      { hint: "Run the newer version, or restore a copy made before the upgrade" },
    );
  }
  const tables = Number(db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.n);
  if (tables > 0 && numberOf(db, "application_id") !== APPLICATION_ID) {
    throw new LightsoutError("LO_STORE_FOREIGN", `${path} is another program's SQLite database`, {
      hint: "Name another file for the store",
    });
  }
  return version;
}

function migrate(db: DatabaseSync, path: string): void {
  const version = schemaOf(db, path);
  if (version === MIGRATIONS.length) return;
  const steps = MIGRATIONS.slice(version).join("\n");
  db.exec(`BEGIN; ${steps} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${MIGRATIONS.length}; COMMIT`);
}

function checkSite(db: DatabaseSync, path: string, site: string): void {
  if (!belongsTo(db, path, site)) db.prepare("INSERT INTO about (site) VALUES (?)").run(site);
}

/** Whether the file says that it is this site's; false where it does not say yet. Throws `LO_STORE_SITE` when it is another's. */
export function belongsTo(db: DatabaseSync, path: string, site: string): boolean {
  const known = db.prepare("SELECT site FROM about").get()?.site;
  if (known !== undefined && known !== site) {
    throw new LightsoutError("LO_STORE_SITE", `${path} belongs to site ${String(known)}, not ${site}`, {
      hint: "Give every site a file of its own, or correct the site's name",
    });
  }
  return known !== undefined;
}

function numberOf(db: DatabaseSync, pragma: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]);
}

/** What SQLite said as a `LightsoutError` that names the file. Its primary result codes: 8 SQLITE_READONLY, 11 SQLITE_CORRUPT, 14 SQLITE_CANTOPEN, 26 SQLITE_NOTADB. */
export function readable(error: unknown, path: string): unknown {
  if (error instanceof LightsoutError || !(error instanceof Error)) return error;
  const primary = ((error as { errcode?: number }).errcode ?? 14) & 0xff;
  if (primary === 11 || primary === 26) return corrupt(path, error.message, error);
  if (primary !== 8 && primary !== 14)
    return new LightsoutError("LO_STORE_OPEN", `${path} cannot be opened: ${error.message}`, { cause: error });
  return new LightsoutError("LO_STORE_ACCESS", `${path} cannot be written: ${error.message}`, {
    hint: `Name a file, and give this user write access to it and to ${dirname(path)}`,
    cause: error,
  });
}

function corrupt(path: string, found: string, cause?: unknown): LightsoutError {
  return new LightsoutError("LO_STORE_CORRUPT", `${path} is damaged: ${found}`, {
    hint: `Stop here: nothing was changed. Keep the file, restore a copy, or save what is readable with: sqlite3 ${path} .recover`,
    ...(cause === undefined ? {} : { cause }),
  });
}
