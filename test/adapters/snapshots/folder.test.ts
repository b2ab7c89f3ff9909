import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createFolderSnapshots } from "#adapters/snapshots/mod.ts";
import { systemClock } from "#events";
import { inChunks, snapshotBytes, snapshotContract } from "#test/contracts/snapshots.ts";

async function open(last: number) {
  const parent = mkdtempSync(join(tmpdir(), "lightsout-snapshots-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, "etcd");
  const at = (name: string) => join(folder, name);
  return {
    folder,
    snapshots: createFolderSnapshots({ folder, keep: { last, daily: 0, weekly: 0 }, clock: systemClock }),
    files: () => readdir(folder).catch(() => []),
    async damage(name: string) {
      const bytes = await readFile(at(name));
      bytes[9000] = (bytes[9000] ?? 0) ^ 1;
      await writeFile(at(name), bytes);
    },
    async leave(name: string, content: string) {
      await mkdir(folder, { recursive: true });
      await writeFile(at(name), content);
    },
  };
}

snapshotContract(open);

test("only the owner can read what is kept", async () => {
  const { folder, snapshots } = await open(10);
  await snapshots.store("lab-1.db", inChunks(snapshotBytes("a")));
  expect((await stat(join(folder, "lab-1.db"))).mode & 0o777).toBe(0o600);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
});
