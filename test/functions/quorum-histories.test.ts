import fc from "fast-check";
import { expect, test } from "vitest";
import { type Happening, kinds, live } from "./quorum-scene.ts";

/** Several requests and faults within ten minutes, many of them at the same moment. */
const histories = (members: number) =>
  fc.array(
    fc.record<Happening>({
      at: fc.constantFrom(0, 0, 0, 1, 5, 20, 60, 90, 200, 400),
      machine: fc.nat({ max: members - 1 }),
      what: fc.constantFrom(...kinds),
    }),
    { minLength: 2, maxLength: 9 },
  );

const nobodyHangs = (happenings: readonly Happening[]) => happenings.every(({ what }) => what !== "hangs");

test.each([3, 5])(
  "%i control planes: in 500 histories of requests, deaths and silence nothing of ours costs etcd its majority",
  {
    timeout: 120_000,
  },
  async (members) => {
    let taken = 0;
    const property = fc.asyncProperty(histories(members), async (happenings) => {
      const told = await live(members, happenings);
      taken += told.taken;
      expect(told.wrong).toEqual([]);
      // A machine that hangs while another is on its way down is nobody's doing: then only what was sent is judged.
      if (nobodyHangs(happenings)) expect(told.violations).toEqual([]);
    });
    await fc.assert(property, { numRuns: 500, seed: 2026 + members });
    expect(taken).toBeGreaterThan(500);
  },
);

test("the same histories without the guard cost it its majority", async () => {
  const told = await Promise.all(fc.sample(histories(3), { numRuns: 20, seed: 2029 }).map((happenings) => live(3, happenings, false)));
  expect(told.filter(({ wrong }) => wrong.length > 0).length).toBeGreaterThan(5);
  expect(told.some(({ violations }) => violations.some((one) => one.includes("etcd lost its majority")))).toBe(true);
});
