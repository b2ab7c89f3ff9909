import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "vitest";

/** A file system of its own in memory, until the test ends; `undefined` where this user may not mount one. */
export async function smallDisk(test: Pick<TestContext, "onTestFinished">, megabytes: number): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "lightsout-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "lightsout-test", folder], { stdio: "ignore" });
  } catch {
    await rm(folder, { recursive: true });
    return undefined;
  }
  test.onTestFinished(async () => {
    execFileSync("umount", ["-l", folder]);
    await rm(folder, { recursive: true });
  });
  return folder;
}

/** Fills it to the last block, and answers how to empty it again. */
export function fillDisk(folder: string): () => Promise<void> {
  const filler = join(folder, "filler");
  for (const piece of [2 ** 20, 4096]) {
    try {
      for (;;) appendFileSync(filler, Buffer.alloc(piece));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
  return () => rm(filler);
}
