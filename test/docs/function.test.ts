import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(join(root, "docs/writing-a-function.md"), "utf8");
const files = [...page.matchAll(/^```ts\n\/\/ (own\/\S+)\n([\s\S]*?)^```$/gm)].map(([, name = "", text = ""]) => ({ name, text }));

/** What the page tells people to make: a folder of their own, beside a link to this checkout. */
const home = mkdtempSync(join(tmpdir(), "lightsout-own-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
mkdirSync(join(home, "own"));
mkdirSync(join(home, "node_modules"));
symlinkSync(root, join(home, "node_modules/lightsout"));
writeFileSync(join(home, "package.json"), '{ "type": "module" }');
for (const { name, text } of files) writeFileSync(join(home, name), text);

const run = promisify(execFile);
/** Fails with what the program said. */
const program = async (file: string, args: readonly string[]): Promise<string> => {
  const { stdout } = await run(file, args, { cwd: home, timeout: 240_000 }).catch((error) => {
    throw new Error(`${error.stdout}\n${error.stderr}`);
  });
  return stdout;
};

test("the page has the function and its tests", () => {
  expect(files.map(({ name }) => name)).toEqual(["own/gpu-fault.ts", "own/gpu-fault.test.ts"]);
});

test("its code compiles by the rules of this project", { timeout: 300_000 }, async () => {
  const options = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { typeRoots: [join(root, "node_modules/@types")] },
    include: ["own"],
  };
  writeFileSync(join(home, "tsconfig.json"), JSON.stringify(options));
  await program(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.json"]);
});

test("its tests pass", { timeout: 300_000 }, async () => {
  expect(await program(process.execPath, ["--test", "own/gpu-fault.test.ts"])).toMatch(/pass 3\b[\s\S]*fail 0\b/);
});

test("it is loaded beside the built-in functions", { timeout: 300_000 }, async () => {
  const door = new URL("../../config/functions.ts", import.meta.url).href;
  const code = `const { loadFunctions } = await import(${JSON.stringify(door)});
    for (const { id, on } of await loadFunctions(${JSON.stringify(join(home, "own"))})) console.log(id, on.type);`;
  expect(await program(process.execPath, ["--input-type=module", "-e", code])).toContain("gpu-fault gpu-fault\n");
});
