import { expect, test } from "vitest";
import { createApiFuzz } from "./api.ts";
import { createConfigFuzz } from "./config.ts";
import { fuzzIpmi } from "./ipmi.ts";
import { createDice } from "./mutate.ts";
import { fuzzRedfish } from "./redfish.ts";

/** A short round of what `npm run fuzz` does a million times. */
const rounds = 20_000;

test.each([
  ["IPMI datagrams", fuzzIpmi],
  ["Redfish bodies", fuzzRedfish],
])("mutated %s break nothing", (_, one) => {
  const dice = createDice(42);
  for (let round = 0; round < rounds; round += 1) one(dice);
});

test("requests made from the OpenAPI document get what it says, and change nothing but with a 202", async () => {
  const fuzz = await createApiFuzz();
  const dice = createDice(42);
  for (let round = 0; round < 3000; round += 1) await fuzz.one(dice);
  await fuzz.close();
});

test("hostile configurations load, or are refused with places and without secrets", () => {
  const fuzz = createConfigFuzz();
  const dice = createDice(42);
  for (let round = 0; round < 400; round += 1) fuzz.one(dice);
  fuzz.close();
});

test("the same seed gives the same mutations", () => {
  const [a, b] = [createDice(7), createDice(7)];
  const numbers = Array.from({ length: 50 }, () => a(1000));
  expect(numbers).toEqual(Array.from({ length: 50 }, () => b(1000)));
  expect(new Set(numbers).size).toBeGreaterThan(40);
});
