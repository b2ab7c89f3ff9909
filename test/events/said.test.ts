import { expect, test } from "vitest";
import { isRevocable, keep, say, unsay } from "../../events/said.ts";

const entry = { machine: "m1", turn: "r0" } as const;
const off = { want: "off", by: "alice", event: "a" } as const;
const on = { want: "on", by: "bob", event: "b" } as const;

test("a word that was taken back leaves what stood before", () => {
  expect(unsay(say(entry, off, true), "a")).toEqual(entry);
  const kept = keep(say(entry, off, true), "a");
  expect(kept).toEqual({ ...entry, ...off });
  expect(unsay(say(kept, on, true), "b")).toEqual(kept);
});

test("a word that stands for good, or was never said, is not taken back", () => {
  const kept = keep(say(entry, off, true), "a");
  expect(unsay(kept, "a")).toEqual(kept);
  expect(isRevocable(kept, "a")).toBe(false);
  const told = say(entry, off, false);
  expect(unsay(told, "a")).toEqual(told);
  expect(unsay(say(entry, off, true), "b")).toEqual(say(entry, off, true));
});

test("a later word stands, whatever becomes of the earlier; taken back, it does not bring back one that was taken back", () => {
  const both = say(say(entry, off, true), on, true);
  expect(unsay(both, "a")).toMatchObject({ want: "on", before: {} });
  expect(unsay(unsay(both, "a"), "b")).toEqual(entry);
  expect(unsay(unsay(both, "b"), "a")).toEqual(entry);
  expect(unsay(keep(both, "a"), "b")).toEqual({ ...entry, ...off });
  expect(keep(both, "b")).toEqual({ ...entry, ...on });
});

test("the same event said twice is one word", () => {
  const once = say(say(entry, off, true), on, true);
  expect(say(once, on, true)).toEqual(once);
});
