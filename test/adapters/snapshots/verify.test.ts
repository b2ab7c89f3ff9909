import fc from "fast-check";
import { expect, test } from "vitest";
import { createVerifier } from "#adapters/snapshots/verify.ts";
import { snapshotBytes } from "#test/contracts/snapshots.ts";

function judged(bytes: Buffer, cuts: readonly number[] = []) {
  const verifier = createVerifier();
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  for (const [index, from] of places.slice(0, -1).entries()) verifier.push(bytes.subarray(from, places[index + 1]));
  return verifier.verdict();
}

const whole = snapshotBytes("a", 8);

test("a whole snapshot is one, however it is cut on its way", () => {
  const once = judged(whole);
  expect(once).toEqual({ bytes: whole.length, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 40 }), (cuts) => {
      expect(judged(whole, cuts)).toEqual(once);
    }),
  );
});

test("no other bytes are one: not one changed, not one missing, not one more", () => {
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ change;
      expect(judged(damaged).wrong).toBeDefined();
      expect(judged(whole.subarray(0, at)).wrong).toBeDefined();
      expect(judged(Buffer.concat([whole, whole.subarray(0, at + 1)])).wrong).toBeDefined();
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      expect(judged(Buffer.from(bytes)).wrong).toBeDefined();
    }),
  );
});
