import fc from "fast-check";
import { expect, test } from "vitest";
import { expired } from "#adapters/snapshots/retention.ts";

const at = (text: string) => ({ at: Date.parse(`${text}T06:00:00Z`), text });
const left = (days: readonly string[], keep: { last: number; daily: number; weekly: number }) => {
  const all = days.map(at);
  const gone = expired(all, keep);
  return all.filter((one) => !gone.includes(one)).map(({ text }) => text);
};

test("the newest, one of each of the last days, and one of each of the last weeks stay", () => {
  const days = ["2026-11-01", "2026-11-08", "2026-11-09", "2026-11-22", "2026-11-23", "2026-11-26", "2026-11-27", "2026-11-28"];
  expect(left(days, { last: 1, daily: 3, weekly: 0 })).toEqual(["2026-11-26", "2026-11-27", "2026-11-28"]);
  // Weeks begin on Monday: 23 to 29, 16 to 22, 9 to 15, 2 to 8.
  expect(left(days, { last: 1, daily: 0, weekly: 3 })).toEqual(["2026-11-09", "2026-11-22", "2026-11-28"]);
});

test("whatever is asked for, the newest stays, and keeping more never loses what keeping less had", () => {
  const moments = fc.uniqueArray(fc.integer({ min: 0, max: 4e11 }), { minLength: 1, maxLength: 40 });
  const count = fc.integer({ min: 0, max: 10 });
  fc.assert(
    fc.property(moments, count, count, count, (times, last, daily, weekly) => {
      const all = times.map((time) => ({ at: time }));
      const newest = Math.max(...times);
      const gone = expired(all, { last, daily, weekly });
      expect(gone.some((one) => one.at === newest)).toBe(false);
      expect(all.length - gone.length).toBeLessThanOrEqual(Math.max(1, last) + daily + weekly);
      const more = expired(all, { last: last + 1, daily: daily + 1, weekly });
      for (const one of more) expect(gone).toContain(one);
    }),
  );
});
