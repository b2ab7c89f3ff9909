import { execFileSync } from "node:child_process";
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

test("a full disk is told with what is free, and keeps nothing of it", async (context) => {
  const disk = mkdtempSync(join(tmpdir(), "lightsout-disk-"));
  onTestFinished(() => rmSync(disk, { recursive: true, force: true }));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "lightsout-test", disk], { stdio: "ignore" });
  } catch {
    return context.skip("this user may not mount a tmpfs");
  }
  onTestFinished(() => void execFileSync("umount", ["-l", disk]));
  const snapshots = createFolderSnapshots({ folder: disk, keep: { last: 1, daily: 0, weekly: 0 }, clock: systemClock });
  await snapshots.store("lab-1.db", inChunks(snapshotBytes("a")));
  await expect(snapshots.store("lab-2.db", inChunks(snapshotBytes("b", 3000)))).rejects.toMatchObject({
    code: "LO_SNAPSHOT",
    effect: "none",
    message: expect.stringMatching(/ENOSPC.*MiB are free/),
    hint: expect.stringContaining("snapshots.keep"),
  });
  expect((await readdir(disk)).toSorted()).toEqual(["lab-1.db", "lab-1.db.sha256"]);
});

test("a folder that may not be written is told", async () => {
  const parent = mkdtempSync(join(tmpdir(), "lightsout-snapshots-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  await writeFile(join(parent, "file"), "");
  const snapshots = createFolderSnapshots({ folder: join(parent, "file"), keep: { last: 1, daily: 0, weekly: 0 }, clock: systemClock });
  await expect(snapshots.store("lab-1.db", inChunks(snapshotBytes("a")))).rejects.toMatchObject({ code: "LO_SNAPSHOT", effect: "none" });
});
