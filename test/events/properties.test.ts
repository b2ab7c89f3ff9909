import fc from "fast-check";
import { expect, test } from "vitest";
import { canonical, type Duration, decodeToken, encodeToken, humanDuration, isDuration, matches, milliseconds, stableId } from "#events";

test("encodeToken: any text becomes one token that no store misreads, and comes back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const token = encodeToken(text);
      expect(token).toMatch(/^[A-Za-z0-9_=-]+$/);
      expect(decodeToken(token)).toBe(Buffer.from(text, "utf8").toString("utf8"));
    }),
  );
});

test("encodeToken: different texts are different tokens, so that machines cannot share a subject", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (a, b) => {
      expect(encodeToken(a) === encodeToken(b)).toBe(Buffer.from(a).equals(Buffer.from(b)));
    }),
  );
  for (const text of ["", "=", "a.b", "*", ">", "=20", " "]) expect(decodeToken(encodeToken(text))).toBe(text);
});

test("matches: a token filter matches itself only; > matches everything below", () => {
  const token = fc.string({ unit: "binary" }).map(encodeToken);
  fc.assert(
    fc.property(fc.array(token, { minLength: 1, maxLength: 4 }), fc.array(token, { minLength: 1, maxLength: 4 }), (a, b) => {
      const [one, two] = [a.join("."), b.join(".")];
      expect(matches(one, two)).toBe(one === two);
      expect(matches(">", one)).toBe(true);
      expect(matches(a.map(() => "*").join("."), two)).toBe(a.length === b.length);
      expect(matches(`${one}.>`, `${one}.${two}`)).toBe(true);
      expect(matches(`${one}.>`, one)).toBe(false);
    }),
  );
});

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

test("durations: what is written is what is meant, in every unit", () => {
  const unit = fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[]));
  fc.assert(
    fc.property(fc.nat(100_000), unit, (count, name) => {
      const text: Duration = `${count}${name}`;
      expect(isDuration(text)).toBe(true);
      expect(milliseconds(text)).toBe(count * units[name]);
    }),
  );
  expect(milliseconds("1.5h")).toBe(5_400_000);
});

test("durations: nothing else is one", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const shape = /^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text);
      expect(isDuration(text)).toBe(shape);
      if (!shape) expect(() => milliseconds(text as Duration)).toThrow(`"${text}" is not a duration`);
    }),
  );
  for (const text of ["", "5", "s", "-5s", "5 s", "1e3s", "5s ", "5m5s", "Infinitys", "0x5s", "5S"]) expect(isDuration(text)).toBe(false);
});

test("humanDuration: at most two parts, never more than the time itself, and exact to the second below an hour", () => {
  fc.assert(
    fc.property(fc.nat(90 * 86_400_000), (ms) => {
      const shown = humanDuration(ms);
      const parts = shown.split(" ") as Duration[];
      expect(parts.length).toBeLessThanOrEqual(2);
      for (const part of parts) expect(isDuration(part)).toBe(true);
      const total = parts.reduce((sum, part) => sum + milliseconds(part), 0);
      expect(total).toBeLessThanOrEqual(ms + 500);
      if (ms < 3_599_000) expect(Math.abs(total - ms)).toBeLessThanOrEqual(500);
    }),
  );
});

test("canonical: equal values give equal text whatever the order of their keys, and it is JSON of the same value", () => {
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffled);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, item]) => [key, shuffled(item)]),
    );
  };
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonical(value);
      expect(canonical(shuffled(value))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("canonical: different values give different text; what JSON leaves out is left out", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const same = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
      expect(canonical(a) === canonical(b)).toBe(same);
    }),
  );
  expect(canonical({ a: undefined, b: [undefined], c: null })).toBe('{"b":[null],"c":null}');
});

/** The value as nested lists in which the order of keys is gone. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return ["list", ...value.map(sorted)];
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return ["object", ...entries.map(([key, item]) => [key, sorted(item)])];
};

test("stableId: the same parts give the same id, and no other split of them does", () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 4 }), fc.array(fc.string(), { minLength: 1, maxLength: 4 }), (a, b) => {
      expect(stableId(...a)).toMatch(/^[0-9a-f]{24}$/);
      expect(stableId(...a) === stableId(...b)).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
  );
  expect(stableId("ab", "c")).not.toBe(stableId("a", "bc"));
});
