import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const program = (name: string) => fileURLToPath(new URL(`../${name}/run.ts`, import.meta.url));
const command = (name: string, ...args: string[]) => spawnSync(process.execPath, [program(name), ...args], { encoding: "utf8" });

test("chaos ends with one line of figures", { timeout: 120_000 }, () => {
  const { status, stdout } = command("chaos", "--seed", "7", "--rounds", "1", "--store", "embedded");
  const figures = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
  expect(figures).toEqual({ ok: true, rounds: 1, events: expect.any(Number), lost: 0, doubled: 0, parked: expect.any(Number), stuck: 0 });
  expect(Object.keys(figures)).toEqual(["ok", "rounds", "events", "lost", "doubled", "parked", "stuck"]);
  expect(status).toBe(0);
});

test.each([
  ["chaos", "--rounds", "abc", "Give a whole number, 1 or more."],
  ["chaos", "--rounds", "0", "Give a whole number, 1 or more."],
  ["chaos", "--store", "oracle", "Allowed choices are"],
  ["fuzz", "--count", "", "Give a whole number, 1 or more."],
  ["fuzz", "--seed", "1.5", "Give a whole number, 0 or more."],
])("%s %s %j is refused: a run of nothing would find nothing wrong", (name, option, value, why) => {
  const { status, stderr, stdout } = command(name, option, value);
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toContain(why);
});
