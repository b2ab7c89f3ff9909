import { expect, test } from "vitest";
import { changesOf, same } from "#config/same.ts";
import { Secret } from "#config/secret.ts";

test("secrets are compared by what they are, and never shown", () => {
  expect(same({ password: new Secret("a") }, { password: new Secret("a") })).toBe(true);
  expect(same({ password: new Secret("a") }, { password: new Secret("b") })).toBe(false);
  const one = { machines: [{ name: "gpu", bmc: { password: new Secret("before") } }], grace: "2m" };
  const other = { machines: [{ name: "gpu", bmc: { password: new Secret("after") } }], grace: "2m" };
  expect(changesOf(one, other)).toEqual(["changes gpu"]);
});

test("what is there, what is not, and in which order it is written", () => {
  expect(same({ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 })).toBe(true);
  expect(same({ a: 1 }, { a: 1, b: undefined })).toBe(false);
  expect(same([1, 2], [2, 1])).toBe(false);
  expect(same(null, {})).toBe(false);
  const named = (...names: string[]) => names.map((name) => ({ name }));
  expect(changesOf({ machines: named("a", "b"), trust: "ask" }, { machines: named("b", "c"), trust: "observe" })).toEqual([
    "adds c",
    "removes a",
    "changes trust",
  ]);
});
