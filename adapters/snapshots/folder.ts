import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Clock } from "#events";
import type { Snapshots } from "./port.ts";
import type { Keep } from "./retention.ts";
import { createSnapshots, failed, type Shelf } from "./snapshots.ts";

/** Snapshots in a folder of this machine, made when it is missing. Each is durable before it is listed, and only its owner can read it. */
export function createFolderSnapshots(options: { folder: string; keep: Keep; clock: Clock }): Snapshots {
  return createSnapshots(folderShelf(resolve(options.folder)), options);
}

function folderShelf(folder: string): Shelf {
  const shelf: Shelf = {
    where: folder,
    async write(name, bytes) {
      const part = join(folder, `.${name}.part`);
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        const file = await open(part, "w", 0o600);
        try {
          for await (const chunk of bytes) await file.writeFile(chunk);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(part, join(folder, name));
        await syncFolder(folder);
      } catch (error) {
        await rm(part, { force: true });
        throw await explained(error);
      }
    },
    async *read(name, signal) {
      try {
        yield* createReadStream(join(folder, name), { signal }) as AsyncIterable<Buffer>;
      } catch (error) {
        throw await explained(error);
      }
    },
    async list() {
      const entries = await readdir(folder, { withFileTypes: true }).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return [];
        throw await explained(error);
      });
      const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith("."));
      const found = await Promise.all(
        files.map(async ({ name }) => {
          const file = await stat(join(folder, name)).catch(() => undefined);
          return file ? [{ name, bytes: file.size, at: Math.round(file.mtimeMs) }] : [];
        }),
      );
      return found.flat();
    },
    async remove(name) {
      await rm(join(folder, name), { force: true }).catch(async (error: unknown) => {
        throw await explained(error);
      });
    },
  };
  /** What the disk said; anything else is not ours to explain. */
  const explained = async (error: unknown) => {
    const { code, message, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined || syscall === undefined) return error;
    const room = code === "ENOSPC" || code === "EDQUOT" ? `; ${await freeSpace(folder)}` : "";
    return failed(shelf, message + room, hints[code] ?? "Look at the disk and the kernel log", error);
  };
  return shelf;
}

const hints: Readonly<Record<string, string>> = {
  ENOSPC: "Make room, or keep fewer (snapshots.keep)",
  EDQUOT: "Make room, or keep fewer (snapshots.keep)",
  EACCES: "Let the account that runs Lightsout write there",
  EPERM: "Let the account that runs Lightsout write there",
  EROFS: "The file system is read-only: look at the disk and the kernel log",
  ENOENT: "It was removed meanwhile",
};

async function freeSpace(folder: string): Promise<string> {
  const { bavail, bsize } = await statfs(folder);
  return `${Math.floor((bavail * bsize) / 2 ** 20)} MiB are free there`;
}

/** A name is durable when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
