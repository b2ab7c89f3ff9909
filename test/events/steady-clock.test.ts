import { expect, test } from "vitest";
import { steadyClock } from "#events/testing/mod.ts";

/** Keeps this process from getting any turn for so long. */
const stall = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

test("a process that is stalled for 300 ms lives through 20 of them at most", () => {
  const clock = steadyClock(10);
  const [mono, now] = [clock.mono(), clock.now()];
  stall(300);
  expect(clock.mono() - mono).toBeLessThanOrEqual(200);
  expect(clock.now() - now).toBeLessThanOrEqual(200);
});

test("a wait that a stall falls into is as long as asked for", async () => {
  const clock = steadyClock(10);
  const before = clock.mono();
  const waiting = clock.sleep(1000);
  stall(150);
  await waiting;
  expect(clock.mono() - before).toBeGreaterThanOrEqual(1000);
});

test("never goes back, and two clocks agree", async () => {
  const [one, other] = [steadyClock(100), steadyClock(50)];
  let last = one.mono();
  for (let look = 0; look < 20; look += 1) {
    await one.sleep(100);
    stall(look);
    const now = one.mono();
    expect(now - last).toBeGreaterThanOrEqual(100);
    last = now;
  }
  // Between two lines of this test, too, at most 20 ms can pass.
  expect(Math.abs(one.mono() - 2 * other.mono())).toBeLessThanOrEqual(2 * 20 * 100);
});

test("a wait ends at its signal", async () => {
  const clock = steadyClock(10);
  const enough = new Error("enough");
  await expect(clock.sleep(60_000, AbortSignal.abort(enough))).rejects.toBe(enough);
  const stop = new AbortController();
  const waiting = clock.sleep(60_000, stop.signal);
  stop.abort(enough);
  await expect(waiting).rejects.toBe(enough);
});
