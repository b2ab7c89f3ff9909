import { inspectStore, lookAtPlace, type StorePlace } from "#adapters/embedded/mod.ts";
import { pinKey, pinsIn } from "../pins.ts";
import type { Config } from "../schema.ts";
import { broken, type Finding, failure, MiB, ok, room, warning } from "./check.ts";
import { checkNats } from "./nats.ts";
import type { Running } from "./server.ts";

/** What was found of the store. */
export interface StoreSeen {
  readonly findings: readonly Finding[];
  /** The certificates that were pinned on first use, by machine; `undefined` where the store cannot be read. */
  readonly pinned: ReadonlyMap<string, string> | undefined;
}

/** What is asked of a store. */
export interface Asked {
  readonly site: string;
  /** Whose pins are read. */
  readonly machines: readonly string[];
  readonly running: Running | undefined;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** Looks at the store of a configuration. */
export function checkStore({ store }: Pick<Config, "store">, asked: Asked): Promise<StoreSeen> {
  return store.kind === "embedded" ? checkEmbedded(store.path, asked) : checkNats(store, asked);
}

async function checkEmbedded(path: string, asked: Asked): Promise<StoreSeen> {
  const place = lookAtPlace(path);
  const { findings, pinned } = readEmbedded(path, asked);
  return { findings: [checkPlace(path, place), checkRoom(place), ...findings], pinned };
}

function checkPlace(path: string, { folder, forgetful, shared, writable }: StorePlace): Finding {
  if (!writable)
    return failure("place", `${path} cannot be written by this user`, `Give the user that serves write access to it and to ${folder}`);
  if (shared !== undefined) {
    const todo = "Name a file on a local disk of this host (ext4, xfs, zfs, btrfs)";
    return failure("place", `${path} is on ${shared}, where a lock or a sync may not hold`, todo);
  }
  if (forgetful === undefined) return ok("place", `${path}, on a local file system that this user may write`);
  return warning("place", `${path} is on ${forgetful}: all that is known is lost when this host restarts`, "Name a file on a disk");
}

// Below 64 MiB new events are refused, and 16 MiB are set aside twice over before.
const least = 96 * MiB;

function checkRoom({ folder, freeBytes }: StorePlace): Finding {
  const seen = `${room(freeBytes)} are free`;
  const todo = `Free space on ${folder}: below 64 MiB events are refused`;
  if (freeBytes < least) return failure("room", seen, todo);
  return freeBytes < 1024 * MiB ? warning("room", seen, todo) : ok("room", seen);
}

function readEmbedded(path: string, { machines, running, site }: Asked): StoreSeen {
  const seen = (finding: Finding, pinned?: ReadonlyMap<string, string>): StoreSeen => ({ findings: [finding], pinned });
  try {
    const found = inspectStore(path, { site, keys: machines.map(pinKey) });
    if (found.is === "absent") {
      return seen(ok("file", "it is not there yet: the first start makes it, in WAL mode and with every commit synced"), new Map());
    }
    if (found.is === "free") {
      const { journal, schema, settings } = found;
      const file = `its pages are whole, schema ${schema}, journal ${journal}; every start sets WAL and synchronous FULL; nobody has it open`;
      return seen(ok("file", file), pinsIn(settings, machines));
    }
    const whose = found.pid === undefined ? "another process" : `process ${found.pid}`;
    if (running?.store === undefined) {
      const todo = "See what that process is (ps), and stop it; or start it with this configuration";
      return seen(failure("file", `${whose} has it open, and no Lightsout answers where this configuration listens`, todo));
    }
    const { detail, ok: well } = running.store;
    const said = `${whose} has it open, so it was not read; the Lightsout at ${running.url} says: ${detail}`;
    return seen(well ? ok("file", said) : failure("file", said, "See the log of that Lightsout"));
  } catch (error) {
    return seen(broken("file", error));
  }
}
