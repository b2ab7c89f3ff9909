import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

// The whole check in one command: formatting, lint and import directions, types, unused code, then every ring of tests. Ends with
// one line that counts.

const { values, positionals } = parseArgs({
  options: { "peers-required": { type: "boolean", default: false } },
  allowPositionals: true,
});
const env = { ...process.env, ...(values["peers-required"] ? { PEERS_REQUIRED: "1" } : {}) };

function run(name: string, command: string, args: readonly string[]): boolean {
  process.stdout.write(`\n▶ ${name}\n`);
  const { status } = spawnSync(command, args, { stdio: "inherit", env });
  if (status !== 0) process.stdout.write(`✘ ${name} failed\n`);
  return status === 0;
}

const checks = [
  ["format, lint and import directions", "biome", ["check", "--error-on-warnings", "."]],
  ["types", "tsc", []],
  ["unused code", "knip", []],
] as const;
const statics = positionals.length > 0 ? [] : checks.map(([name, command, args]) => run(name, command, args));

const folder = mkdtempSync(join(tmpdir(), "lightsout-test-"));
const report = join(folder, "report.json");
const passedAll = run("tests", "vitest", ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...positionals]);

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numFailedTestSuites: number;
}
let counts: Report = { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, numFailedTestSuites: 1 };
try {
  counts = JSON.parse(readFileSync(report, "utf8")) as Report;
} catch {
  process.stdout.write("✘ the tests left no report\n");
}
rmSync(folder, { recursive: true, force: true });

// A file that cannot even be loaded holds no failed test, and is a failure all the same.
const unloaded = counts.numFailedTests === 0 && !passedAll ? 1 : 0;
const failed = counts.numFailedTests + unloaded + statics.filter((ok) => !ok).length;
const passed = counts.numPassedTests + statics.filter((ok) => ok).length;
process.stdout.write(`\n${passed} passed, ${failed} failed, ${counts.numPendingTests} skipped\n`);
process.exitCode = failed > 0 ? 1 : 0;
