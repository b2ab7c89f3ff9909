import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { SnapshotRecord, Snapshots } from "#adapters/snapshots/port.ts";
import { DeviceError } from "#events";

/** Where a contract keeps its snapshots, and how to damage what is kept. */
export interface SnapshotPlace {
  readonly snapshots: Snapshots;
  /** Every file there, finished or not. */
  files(): Promise<readonly string[]>;
  /** Changes one byte of a file, as a bad disk would. */
  damage(name: string): Promise<void>;
  /** Puts something there that is not ours. */
  leave(name: string, content: string): Promise<void>;
}

/** An etcd snapshot as a member sends it: a database that begins as bbolt's do, and its SHA-256. */
export function snapshotBytes(fill: string, pages = 300): Buffer {
  const database = Buffer.alloc(pages * 512, fill);
  database.writeUInt32LE(0xed0c_daed, 16);
  return Buffer.concat([database, createHash("sha256").update(database).digest()]);
}

export async function* inChunks(bytes: Buffer, size = 40_000): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What every place for snapshots does. @param open a new, empty place that keeps `last` snapshots and none by day or week */
export function snapshotContract(open: (last: number) => Promise<SnapshotPlace>): void {
  test("what was stored is listed with its checksum and read as it was", async () => {
    const { snapshots } = await open(10);
    expect(await snapshots.list()).toEqual([]);
    const bytes = snapshotBytes("a");
    const stored = await snapshots.store("lab-1.db", inChunks(bytes));
    expect(stored).toMatchObject({ name: "lab-1.db", bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });
    const [listed, ...more] = await snapshots.list();
    expect(more).toEqual([]);
    expect(without(listed)).toEqual(without(stored));
    expect((await collect(snapshots.read("lab-1.db"))).equals(bytes)).toBe(true);
  });

  test("a name that is finished stays as it is, whatever is sent again under it", async () => {
    const { snapshots } = await open(10);
    const first = await snapshots.store("lab-1.db", inChunks(snapshotBytes("a")));
    expect((await snapshots.store("lab-1.db", inChunks(snapshotBytes("b")))).sha256).toBe(first.sha256);
  });

  test.each([
    ["nothing", Buffer.alloc(0), "empty"],
    ["half of it", snapshotBytes("a").subarray(0, 70_000), "cut off"],
    ["a database without its checksum", snapshotBytes("a").subarray(0, 300 * 512), "cut off"],
    ["one with a changed byte", changed(snapshotBytes("a")), "checksum does not fit"],
    ["something else", Buffer.concat([Buffer.alloc(512, "x"), Buffer.alloc(32)]), "does not begin as an etcd database"],
  ])("%s is refused, and nothing of it stays", async (_, bytes, why) => {
    const { snapshots, files } = await open(10);
    await expect(snapshots.store("lab-1.db", inChunks(bytes))).rejects.toThrow(why);
    expect(await snapshots.list()).toEqual([]);
    expect(await files()).toEqual([]);
  });

  test("a stream that breaks leaves nothing, and its own error is told", async () => {
    const { snapshots, files } = await open(10);
    async function* broken() {
      yield snapshotBytes("a").subarray(0, 60_000);
      throw new Error("the member went away");
    }
    await expect(snapshots.store("lab-1.db", broken())).rejects.toThrow("the member went away");
    expect(await snapshots.list()).toEqual([]);
    expect(await files()).toEqual([]);
  });

  test("a failure of the member stays the member's, whatever it is called", async () => {
    const { snapshots, files } = await open(10);
    const failure = new DeviceError("LO_TALOS_TIMEOUT", { target: "cp-01", operation: "snapshot", effect: "none" }, "no answer");
    async function* broken() {
      yield snapshotBytes("a").subarray(0, 60_000);
      throw failure;
    }
    await expect(snapshots.store("lab-1.db", broken())).rejects.toBe(failure);
    expect(await files()).toEqual([]);
  });

  test("a member that says nothing more is waited for until the time is over, and nothing of it stays", async () => {
    const { snapshots, files } = await open(10);
    const over = new AbortController();
    async function* silent() {
      yield snapshotBytes("a").subarray(0, 60_000);
      setTimeout(() => over.abort(new Error("the time is over")), 20);
      await new Promise(() => undefined);
    }
    await expect(snapshots.store("lab-1.db", silent(), over.signal)).rejects.toThrow("the time is over");
    expect(await files()).toEqual([]);
  });

  test("a finished one that was damaged since is taken anew under its name", async () => {
    const { damage, snapshots } = await open(10);
    await snapshots.store("lab-1.db", inChunks(snapshotBytes("a")));
    await damage("lab-1.db");
    const anew = await snapshots.store("lab-1.db", inChunks(snapshotBytes("b")));
    expect((await snapshots.list()).map(without)).toEqual([without(anew)]);
    expect((await collect(snapshots.read("lab-1.db"))).equals(snapshotBytes("b"))).toBe(true);
  });

  test("what a crash left unfinished is none, and is written over", async () => {
    const { files, leave, snapshots } = await open(10);
    await leave("lab-1.db", "half of");
    await leave("lab-2.db.sha256", "no checksum");
    await leave("lab-2.db", "half of");
    expect(await snapshots.list()).toEqual([]);
    await snapshots.store("lab-1.db", inChunks(snapshotBytes("a")));
    expect((await snapshots.list()).map(({ name }) => name)).toEqual(["lab-1.db"]);
    expect((await files()).toSorted()).toEqual(["lab-1.db", "lab-1.db.sha256", "lab-2.db", "lab-2.db.sha256"]);
  });

  test("what was damaged later is not read to its end", async () => {
    const { damage, snapshots } = await open(10);
    await snapshots.store("lab-1.db", inChunks(snapshotBytes("a")));
    await damage("lab-1.db");
    await expect(collect(snapshots.read("lab-1.db"))).rejects.toThrow("cannot be restored");
  });

  test("the retention takes the oldest, never the newest, and nothing that is not ours", async () => {
    const { files, leave, snapshots } = await open(1);
    await leave("notes.txt", "mine");
    await leave("foreign.db", "also mine");
    for (const name of ["lab-1.db", "lab-2.db"]) {
      await snapshots.store(name, inChunks(snapshotBytes(name)));
      await new Promise((resolve) => setTimeout(resolve, 1100));
    }
    expect(await snapshots.prune()).toEqual(["lab-1.db"]);
    expect((await snapshots.list()).map(({ name }) => name)).toEqual(["lab-2.db"]);
    expect(await snapshots.prune()).toEqual([]);
    expect((await files()).toSorted()).toEqual(["foreign.db", "lab-2.db", "lab-2.db.sha256", "notes.txt"]);
  });

  test("a name that leads elsewhere is refused before anything is read", async () => {
    const { snapshots } = await open(10);
    for (const name of ["../x.db", "/etc/x.db", "x", ".x.db", "a/b.db"]) {
      await expect(snapshots.store(name, inChunks(snapshotBytes("a")))).rejects.toThrow("cannot be the name");
      await expect(collect(snapshots.read(name))).rejects.toThrow("cannot be the name");
    }
  });
}

const without = (record: SnapshotRecord | undefined) => record && { ...record, at: 0 };

function changed(bytes: Buffer): Buffer {
  bytes[5000] = (bytes[5000] ?? 0) ^ 1;
  return bytes;
}
