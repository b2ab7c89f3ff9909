import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { LightsoutError, RefusedError } from "#events";

/** File systems on which SQLite's locks or its log cannot be trusted. Numbers: statfs(2) and linux/magic.h. */
const SHARED_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9p"],
  [0x65735546, "FUSE"],
  [0x00c36400, "CephFS"],
  [0x5346414f, "AFS"],
  [0x73757245, "Coda"],
  [0x7461636f, "OCFS2"],
  [0x01161970, "GFS2"],
  [0x0bd00bd0, "Lustre"],
  [0x19830326, "BeeGFS"],
]);

/** The name of a file system that more than one machine may write, by its statfs number; `undefined` for a local one. */
export function sharedFileSystem(type: number): string | undefined {
  return SHARED_FILE_SYSTEMS.get(type >>> 0);
}

/** Throws `LO_STORE_PLACE` when the folder of `path` is on a network file system. */
export function checkPlace(path: string): void {
  const shared = sharedFileSystem(statfsSync(dirname(path)).type);
  if (shared === undefined) return;
  throw new LightsoutError("LO_STORE_PLACE", `${path} is on a ${shared} file system, where a lock or a sync may not hold`, {
    hint: "Put the store on a local disk of this machine (ext4, xfs, zfs, btrfs)",
  });
}

export interface RoomOptions {
  /** Free bytes below which everything but outcomes is refused. Default 64 MiB. */
  readonly floor?: number;
  /** Bytes kept in a file beside the store, to be given up so that outcomes can be written. Default 16 MiB. */
  readonly reserve?: number;
}

/** The room that is left for a store, and a reserve for what must be written even on a full disk. */
export interface Room {
  /** Whether ordinary writes are to be refused. */
  low(): boolean;
  free(): number;
  /** Gives the reserve's room to the file system. False when it was given already. */
  release(): boolean;
  /** Sets the reserve aside again, once there is room enough. */
  restore(): void;
  full(what: string): RefusedError;
}

/** Watches the free space at `path` and keeps the reserve in `<path>.reserve`. */
export function createRoom(path: string, { floor = 64 * 2 ** 20, reserve = 16 * 2 ** 20 }: RoomOptions = {}): Room {
  const file = `${path}.reserve`;
  const free = () => {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize;
  };
  return {
    free,
    low: () => free() < floor,
    release() {
      if (!existsSync(file)) return false;
      rmSync(file);
      return true;
    },
    restore() {
      if (reserve === 0 || existsSync(file) || free() < floor + 2 * reserve) return;
      const descriptor = openSync(file, "wx");
      try {
        // Random, so that a file system that compresses really sets the room aside.
        for (let left = reserve; left > 0; ) left -= writeSync(descriptor, randomBytes(Math.min(left, 2 ** 20)));
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    },
    full: (what) =>
      new RefusedError(`${path}: the disk is full (${Math.floor(free() / 2 ** 20)} MiB free): ${what} was not written`, {
        code: "LO_STORE_FULL",
        hint: `Free space on ${dirname(path)}; running work can still record its outcomes`,
      }),
  };
}
