import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Json } from "#events";
import { ownerOf, SQLITE_BUSY } from "./lock.ts";
import { sharedFileSystem } from "./room.ts";
import { belongsTo, checkPages, readable, schemaOf } from "./schema.ts";

/** File systems that forget with a restart. Numbers: linux/magic.h. */
const FORGETFUL: ReadonlyMap<number, string> = new Map([
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
]);

/** Where a store is, or would be made. */
export interface StorePlace {
  /** The folder, or the nearest one above it that is there. */
  readonly folder: string;
  readonly writable: boolean;
  /** The name of a file system on which locks do not hold. */
  readonly shared?: string;
  /** The name of a file system that is lost with a restart. */
  readonly forgetful?: string;
  readonly freeBytes: number;
}

/** Looks at the folder of a store's file, and makes nothing. */
export function lookAtPlace(path: string): StorePlace {
  let folder = dirname(path);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const { bavail, bsize, type } = statfsSync(folder);
  const shared = sharedFileSystem(type);
  const forgetful = FORGETFUL.get(type >>> 0);
  return {
    folder,
    writable: mayWrite(folder) && (!existsSync(path) || mayWrite(path)),
    freeBytes: bavail * bsize,
    ...(shared !== undefined && { shared }),
    ...(forgetful !== undefined && { forgetful }),
  };
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** What was found in the place of a store. `owned`: another process has it, and nothing of it was read. */
export type StoreFound =
  | { readonly is: "absent" }
  | { readonly is: "owned"; readonly pid: number | undefined }
  /** `settings`: the values of the keys that were asked for. */
  | { readonly is: "free"; readonly journal: string; readonly schema: number; readonly settings: ReadonlyMap<string, Json> };

/**
 * Reads a store that nobody has, changes nothing in it, and lets go of it at once. Throws what opening it would throw: `LO_STORE_CORRUPT`,
 * `LO_STORE_NEWER`, `LO_STORE_FOREIGN`, `LO_STORE_SITE`, `LO_STORE_ACCESS`.
 *
 * @param options.keys of the bucket `settings`
 */
export function inspectStore(path: string, options: { site: string; keys: readonly string[] }): StoreFound {
  if (!existsSync(path)) return { is: "absent" };
  let db: DatabaseSync | undefined;
  try {
    // Not read-only to SQLite: such a connection leaves the files beside a write-ahead log behind.
    db = new DatabaseSync(path, { timeout: 0 });
    db.exec("PRAGMA query_only = ON");
    const schema = schemaOf(db, path);
    checkPages(db, path);
    const journal = String(db.prepare("PRAGMA journal_mode").get()?.journal_mode);
    if (schema === 0) return { is: "free", journal, schema, settings: new Map() };
    belongsTo(db, path, options.site);
    const entry = db.prepare("SELECT value FROM entries WHERE bucket = 'settings' AND key = ?");
    const settings = options.keys.flatMap((key) => {
      const value = entry.get(key)?.value;
      return value === undefined ? [] : [[key, JSON.parse(String(value)) as Json] as const];
    });
    return { is: "free", journal, schema, settings: new Map(settings) };
  } catch (error) {
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return { is: "owned", pid: ownerOf(path) };
    throw readable(error, path);
  } finally {
    db?.close();
  }
}
