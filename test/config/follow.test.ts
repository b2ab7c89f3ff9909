import { spawn } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "#test/contracts/store/opened.ts";

const main = fileURLToPath(new URL("../../config/main.ts", import.meta.url));

/** `lightsout serve` as a process of its own, on a file that can be written again. */
function serve(text: string) {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-follow-"));
  const file = join(folder, "lightsout.yaml");
  const write = (content: string) => {
    // As editors do: a new file takes the place of the old.
    writeFileSync(`${file}.new`, content);
    renameSync(`${file}.new`, file);
  };
  write(text);
  const child = spawn(process.execPath, [main, "serve", "--config", file], { cwd: folder, env: process.env });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += String(chunk)));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  const says = (part: string) => eventually(() => expect(said).toContain(part));
  return { child, ended, file, says, write, said: () => said };
}

const config = (machines: string, more = "") =>
  `store: { embedded: { path: ./lab.db } }\nhttp: { listen: "127.0.0.1:0" }\n${more}machines:\n${machines}`;

test("serve follows its file, and reads it on SIGHUP; a bad one changes nothing and is told with its line", {
  timeout: 120_000,
}, async () => {
  const { child, ended, file, said, says, write } = serve(config("  - name: one\n"));
  await says("serves at");
  const url = /serves at (http:\/\/[\d.:]+)/.exec(said())?.[1] ?? "";
  const names = async () => {
    const { machines } = (await (await fetch(`${url}/v1/machines`)).json()) as { machines: { name: string }[] };
    return machines.map(({ name }) => name);
  };
  expect(await names()).toEqual(["one"]);

  write(config("  - name: one\n  - name: two\n"));
  await says(`changed: ${file} is in force: it adds two`);
  expect(await names()).toEqual(["one", "two"]);

  write(config("  - name: one\n    bcm: {}\n"));
  await says("is not used, the configuration before stays in force");
  expect(said()).toContain("lightsout.yaml:5:5");
  expect(await names()).toEqual(["one", "two"]);

  const upToDate = async () => ((await (await fetch(`${url}/healthz`)).json()) as { upToDate: boolean }).upToDate;
  expect(await upToDate()).toBe(false);
  write(config("  - name: two\n", "site: elsewhere\n"));
  await says("site cannot change while it runs. Restart Lightsout for it");
  expect(await names()).toEqual(["one", "two"]);

  write(config("  - name: two\n"));
  await says("it removes one");
  child.kill("SIGHUP");
  await says(`SIGHUP: ${file} is in force, and changes nothing`);
  expect(await names()).toEqual(["two"]);
  expect(await upToDate()).toBe(true);

  child.kill("SIGTERM");
  expect(await ended).toBe(0);
});
