import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
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
    async write(name, bytes, signal) {
      const part = join(folder, `.${name}.part`);
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        const file = await open(part, "w", 0o600);
        try {
          for await (const chunk of bytes) {
            signal?.throwIfAborted();
            await file.writeFile(chunk);
          }
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(part, join(folder, name));
        await syncFolder(folder);
      } catch (error) {
        await rm(part, { force: true });
        throw explained(error);
      }
    },
    async *read(name, signal) {
      try {
        yield* createReadStream(join(folder, name), { signal }) as AsyncIterable<Buffer>;
      } catch (error) {
        throw explained(error);
      }
    },
    async list() {
      const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
        if (error.code === "ENOENT") return [];
        throw explained(error);
      });
      const shown = names.filter((name) => !name.startsWith("."));
      return await Promise.all(
        shown.map(async (name) => {
          const { mtimeMs, size } = await stat(join(folder, name));
          return { name, bytes: size, at: Math.round(mtimeMs) };
        }),
      );
    },
    async remove(name) {
      await rm(join(folder, name), { force: true });
    },
  };
  const hints: Readonly<Record<string, string>> = {
    ENOSPC: "The disk is full: make room, or keep fewer (snapshots.keep)",
    EACCES: "Let the account that runs Lightsout write there",
    EROFS: "The file system is read-only: look at the disk and the kernel log",
    ENOENT: "It was removed meanwhile",
  };
  /** What the disk said; an error of whoever gave the bytes is theirs. */
  const explained = (error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === undefined || !(code in hints) ? error : failed(shelf, message, hints[code] ?? "", error);
  };
  return shelf;
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
