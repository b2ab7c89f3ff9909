import { expect, test } from "vitest";
import { keepLooking, spread } from "#events";
import { createFakeTime } from "#events/testing/mod.ts";

test("it looks at once and again after each pause, never twice at once, and is waited for when it is stopped", async () => {
  const clock = createFakeTime().clock();
  const began = clock.mono();
  const looks: string[] = [];
  const stop = keepLooking(
    clock,
    async (signal) => {
      looks.push(`begins at ${clock.mono() - began}`);
      await clock.sleep(3000);
      looks.push(signal.aborted ? "is told to end" : "ends");
    },
    (tookMs) => 10_000 - tookMs,
  );
  await clock.sleep(11_000);
  await stop();
  expect(looks).toEqual(["begins at 0", "ends", "begins at 10000", "is told to end"]);
  await clock.sleep(60_000);
  expect(looks).toHaveLength(4);
});

test("a spread is a tenth to either side, less what the look took, and a second at least", () => {
  for (let tries = 0; tries < 100; tries += 1) {
    expect(spread(100_000)(5000)).toBeGreaterThanOrEqual(85_000);
    expect(spread(100_000)(5000)).toBeLessThanOrEqual(105_000);
  }
  expect(spread(100_000)(200_000)).toBe(1000);
});
