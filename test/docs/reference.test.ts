import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { tables, written } from "./tables.ts";

const page = readFileSync(new URL("../../docs/reference.md", import.meta.url), "utf8");

test("the reference is what the code says; npm run docs writes it", async () => {
  expect((await written(page)).split("\n")).toEqual(page.split("\n"));
});

test("the reference has every generated part", async () => {
  const parts = [...page.matchAll(/<!-- generated: (\w+) -->/g)].map(([, name]) => name);
  expect(parts.toSorted()).toEqual(Object.keys(await tables()).toSorted());
});
