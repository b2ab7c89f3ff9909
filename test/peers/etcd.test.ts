import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { createFolderSnapshots } from "#adapters/snapshots/mod.ts";
import { systemClock } from "#events";
import { inChunks } from "#test/contracts/snapshots.ts";
import { freePort } from "./free-port.ts";
import { peer } from "./peer.ts";

const etcd = peer("etcd", "etcd-server");
const etcdctl = peer("etcdctl", "etcd-client");
const run = promisify(execFile);

/** A real etcd of one member with some keys in it, and a snapshot that its own client took. */
async function takeSnapshot() {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-etcd-"));
  const [client, peers] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
  const urls = [
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", `default=${peers}`],
  ];
  const env = { ...process.env, ETCD_UNSUPPORTED_ARCH: process.arch, ETCDCTL_API: "3" };
  const child = spawn(etcd ?? "", ["--data-dir", join(folder, "data"), ...urls], { stdio: "ignore", env });
  onTestFinished(async () => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    rmSync(folder, { recursive: true, force: true });
  });
  const ctl = (...args: string[]) => run(etcdctl ?? "", [`--endpoints=${client}`, ...args], { env });
  for (let tries = 0; tries < 100; tries += 1) {
    const up = await ctl("put", "/registry/pods/default/web", "x".repeat(100_000)).catch(() => undefined);
    if (up) break;
    await pause(50);
  }
  const file = join(folder, "taken.db");
  await ctl("snapshot", "save", file);
  return { folder, ctl, bytes: await readFile(file) };
}

describe.skipIf(!etcd || !etcdctl)("etcd", () => {
  test("its snapshot is kept, and what was kept is one that it restores", async () => {
    const { bytes, ctl, folder } = await takeSnapshot();
    const kept = createFolderSnapshots({ folder: join(folder, "kept"), keep: { last: 1, daily: 0, weekly: 0 }, clock: systemClock });
    const { where } = await kept.store("lab-1.db", inChunks(bytes));
    await ctl("snapshot", "restore", where, "--data-dir", join(folder, "restored"));
    expect((await readFile(join(folder, "restored/member/snap/db"))).includes("/registry/pods/default/web")).toBe(true);
  });

  test("what it refuses to restore is not kept", async () => {
    const { bytes, ctl, folder } = await takeSnapshot();
    const kept = createFolderSnapshots({ folder: join(folder, "kept"), keep: { last: 1, daily: 0, weekly: 0 }, clock: systemClock });
    const damaged = Buffer.from(bytes);
    damaged[bytes.length >> 1] = (damaged[bytes.length >> 1] ?? 0) ^ 1;
    for (const [name, broken] of Object.entries({ damaged, cut: bytes.subarray(0, -32) })) {
      const file = join(folder, `${name}.db`);
      await writeFile(file, broken);
      await expect(ctl("snapshot", "restore", file, "--data-dir", join(folder, name))).rejects.toThrow();
      await expect(kept.store(`${name}.db`, inChunks(broken))).rejects.toThrow("was not kept");
    }
    expect(await kept.list()).toEqual([]);
  });
});
