import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const folder = resolve(import.meta.dirname, "../../../../adapters/os/talos");

async function files(directory: string): Promise<Record<string, string>> {
  const names = (await readdir(directory)).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), "utf8")])));
}

test("gen/ is what buf makes of proto/ today", async () => {
  const out = await mkdtemp(join(tmpdir(), "lightsout-buf-"));
  onTestFinished(() => rm(out, { recursive: true }));
  const bin = resolve(import.meta.dirname, "../../../../node_modules/.bin");
  await promisify(execFile)(join(bin, "buf"), ["generate", "--output", out], {
    cwd: folder,
    env: { PATH: `${bin}${delimiter}${process.env.PATH ?? ""}`, HOME: out },
  });
  expect(await files(join(out, "gen"))).toEqual(await files(join(folder, "gen")));
});
