import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const main = new URL("../../config/main.ts", import.meta.url).pathname;

/** Serves a file with two machines that nobody can reach, and answers all that is printed once `until` is among it and it has ended. */
async function served(more: string, until: RegExp): Promise<{ said: string; code: number | null }> {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-serve-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const machines = "machines: [{ name: desk-01, serial: CZC8257XNL }, { name: desk-02, serial: CZC8257XNM }]";
  writeFileSync(join(folder, "lightsout.yaml"), `site: home\nstore: { embedded: { path: ./l.db } }\n${more}\n${machines}\n`);
  const child = spawn(process.execPath, [main, "serve"], { cwd: folder, env: { ...process.env, LIGHTSOUT_LISTEN: "127.0.0.1:0" } });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const met = new Promise<void>((resolve) => {
    const hear = (chunk: Buffer) => {
      said += chunk.toString("utf8");
      if (until.test(said)) resolve();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
  });
  await Promise.race([met, ended]);
  child.kill("SIGTERM");
  return { code: await ended, said };
}

test("a rack that nobody has approved yet is shown, with what to do next", { timeout: 120_000 }, async () => {
  const { code, said } = await served("", /lightsout drill <machine>/);
  expect(said).toMatch(/desk-01 +no Node +none +no BMC +\? 0\/3 +✘ +never +observe/);
  expect(said).toContain("desk-01, desk-02: everything refused (bmc): it has no BMC");
  for (const command of ["doctor", "identify <machine>", "why <machine>", "trust pool <pool> ask"])
    expect(said).toContain(`lightsout ${command}`);
  expect(code).toBe(0);
});

test("one that is trusted is not introduced again", { timeout: 120_000 }, async () => {
  const { code, said } = await served("trust: ask", /ask: desk-01, desk-02/);
  expect(said).not.toContain("What to do next");
  expect(code).toBe(0);
});
