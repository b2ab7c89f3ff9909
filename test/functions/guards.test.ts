import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isPlaceholderSerial, isPlaceholderUuid, type Rate, sameUuid, uuidByteOrders } from "#events";
import { broken, parseRate } from "#functions/guards/budget.ts";
import { judgeLedger } from "#functions/guards/holds.ts";
import { judgeIdentity } from "#functions/guards/mod.ts";
import { stormUntil } from "#functions/guards/storm.ts";
import nodeLost from "#functions/node-lost.ts";

const minute = 60_000;
const limits = { share: 0.2, windowMs: 10 * minute, cooldownMs: 10 * minute };
const times = fc.array(fc.integer({ min: 0, max: 24 * 60 * minute }), { maxLength: 40 });
const fleet = fc.integer({ min: 1, max: 100 });

describe("stormUntil", () => {
  test("one lost machine is never a storm, in a fleet of any size", () => {
    fc.assert(fc.property(fc.integer({ min: 0 }), fleet, (at, size) => void expect(stormUntil([at], size, limits)).toBeUndefined()));
  });

  test("it is the same in whatever order the losses are told", () => {
    fc.assert(
      fc.property(
        times,
        fleet,
        (lost, size) => void expect(stormUntil(lost.toReversed(), size, limits)).toBe(stormUntil(lost, size, limits)),
      ),
    );
  });

  test("one more loss never ends a storm sooner", () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 0, max: 24 * 60 * minute }), fleet, (lost, one, size) => {
        const before = stormUntil(lost, size, limits) ?? 0;
        expect(stormUntil([...lost, one], size, limits) ?? 0).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  test("a larger fleet is never more easily in a storm", () => {
    fc.assert(
      fc.property(times, fleet, fleet, (lost, a, b) => {
        const [small, large] = [Math.min(a, b), Math.max(a, b)];
        expect(stormUntil(lost, large, limits) ?? 0).toBeLessThanOrEqual(stormUntil(lost, small, limits) ?? 0);
      }),
    );
  });

  test("there is one exactly where some window holds more than max(1, share) losses, and it ends a window and a cooldown after the last of them", () => {
    fc.assert(
      fc.property(times, fleet, (lost, size) => {
        const together = (at: number) => lost.filter((other) => other <= at && other >= at - limits.windowMs).length;
        const excess = lost.filter((at) => together(at) > Math.max(1, 0.2 * size));
        const expected = excess.length === 0 ? undefined : Math.max(...excess) + limits.windowMs + limits.cooldownMs;
        expect(stormUntil(lost, size, limits)).toBe(expected);
      }),
    );
  });

  test("losses further apart than the window are no storm", () => {
    expect(stormUntil([0, 11 * minute, 22 * minute], 3, limits)).toBeUndefined();
    expect(stormUntil([0, 10 * minute], 3, limits)).toBe(30 * minute);
  });
});

describe("rates", () => {
  const rate = fc.record({ count: fc.integer({ min: 1, max: 9 }), hours: fc.integer({ min: 1, max: 200 }) });

  test("are read as they are written", () => {
    fc.assert(
      fc.property(rate, ({ count, hours }) => void expect(parseRate(`${count}/${hours}h`)).toEqual({ count, windowMs: hours * 3_600_000 })),
    );
    expect(parseRate("5/7d")).toEqual({ count: 5, windowMs: 604_800_000 });
    expect(() => parseRate("5/soon" as Rate)).toThrow("is not a duration");
  });

  test("used one by one as far as they allow, no window ever holds more than its count", () => {
    const steps = fc.array(fc.integer({ min: 0, max: 6 * 3_600_000 }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.array(rate, { minLength: 1, maxLength: 3 }), steps, (given, gaps) => {
        const rates = given.map(({ count, hours }) => `${count}/${hours}h` as Rate);
        const used: { run: string; at: number }[] = [];
        let now = 1_000_000_000_000;
        for (const gap of gaps) {
          now += gap;
          if (broken(rates, used, now) === undefined) used.push({ run: "r", at: now });
        }
        for (const { count, hours } of given) {
          for (const { at } of used)
            expect(used.filter((use) => use.at <= at && use.at > at - hours * 3_600_000).length).toBeLessThanOrEqual(count);
        }
      }),
    );
  });

  test("the answer names the rate that is used up", () => {
    const hour = 3_600_000;
    const used = [1, 2, 30].map((at) => ({ run: String(at), at: at * hour }));
    expect(broken(["2/6h", "3/48h"], used, 31 * hour)).toBe("3/48h");
    expect(broken(["1/6h", "3/48h"], used, 31 * hour)).toBe("1/6h");
    expect(broken(["2/6h", "3/24h"], used, 31 * hour)).toBeUndefined();
    expect(broken([], used, 31 * hour)).toBeUndefined();
  });
});

describe("judgeIdentity", () => {
  const uuid = fc.uuid().filter((text) => !isPlaceholderUuid(text));
  const serial = fc.stringMatching(/^[A-Z0-9]{7,12}$/).filter((text) => !isPlaceholderSerial(text));
  const junk = fc.constantFrom(
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "03000200-0400-0500-0006-000700080009",
    "Not Settable",
  );
  const node = (systemUUID: string) => ({ name: "gpu-02", systemUUID });
  const judge = (machine: { uuid?: string; serial?: string }, bmc: { uuids: string[]; serial?: string }, on?: ReturnType<typeof node>) =>
    judgeIdentity({ name: "gpu-02", ...machine }, bmc, on);

  test("the three agree in whatever byte order firmware prints", () => {
    fc.assert(
      fc.property(uuid, fc.nat(), fc.nat(), (id, a, b) => {
        const orders = uuidByteOrders(id);
        const [bmc = id, os = id] = [orders[a % orders.length], orders[b % orders.length]];
        expect(judge({ uuid: id }, { uuids: [bmc] }, node(os)).says).toBe("allow");
      }),
    );
  });

  test("any two that name different machines are refused", () => {
    const two = fc.tuple(uuid, uuid).filter(([a, b]) => !sameUuid(a, b));
    fc.assert(
      fc.property(two, ([a, b]) => {
        expect(judge({ uuid: a }, { uuids: [b] }, node(a)).says).toBe("refuse");
        expect(judge({ uuid: a }, { uuids: [a] }, node(b)).says).toBe("refuse");
        expect(judge({ uuid: a }, { uuids: [b] }, node(b)).says).toBe("refuse");
      }),
    );
    fc.assert(
      fc.property(
        uuid,
        fc.tuple(serial, serial).filter(([a, b]) => a !== b),
        (id, [a, b]) => {
          expect(judge({ uuid: id, serial: a }, { uuids: [id], serial: b }, node(id)).says).toBe("refuse");
          expect(judge({ serial: a }, { uuids: [], serial: b }, undefined).says).toBe("refuse");
        },
      ),
    );
  });

  test("a placeholder proves nothing, and is held against nobody", () => {
    fc.assert(
      fc.property(uuid, serial, junk, (id, number, filler) => {
        expect(judge({ uuid: id }, { uuids: [filler] }, node(id)).says).toBe("refuse");
        expect(judge({ uuid: filler }, { uuids: [filler] }, node(filler)).says).toBe("refuse");
        expect(judge({ serial: "Default string" }, { uuids: [id], serial: "Default string" }).says).toBe("refuse");
        expect(judge({ uuid: id, serial: number }, { uuids: [filler], serial: number }, node(id))).toEqual({
          says: "allow",
          reason: "BMC and inventory agree by serial, Node and inventory by uuid",
        });
        expect(judge({ uuid: id }, { uuids: [id] }, node(filler))).toEqual({
          says: "ask",
          reason: "Node gpu-02 cannot be tied to gpu-02: BMC and inventory agree by uuid, and it tells no usable uuid",
        });
      }),
    );
  });

  test("a Node that was compared with nothing is asked about; without a uuid in the inventory the BMC's ties it", () => {
    const two = fc.tuple(uuid, uuid).filter(([a, b]) => !sameUuid(a, b));
    fc.assert(
      fc.property(two, serial, junk, ([id, other], number, filler) => {
        for (const uuids of [[], [filler]]) {
          expect(judge({ serial: number }, { uuids, serial: number }, node(id))).toEqual({
            says: "ask",
            reason: `Node gpu-02 cannot be tied to gpu-02: BMC and inventory agree by serial, and neither knows a uuid to compare with its ${id}`,
          });
          expect(judge({ serial: number }, { uuids, serial: number }, undefined).says).toBe("allow");
        }
        const told = judge({ serial: number }, { uuids: [other, id], serial: number }, node(id));
        expect(told).toEqual({ says: "allow", reason: "BMC and inventory agree by serial, Node and BMC by uuid" });
        expect(judge({ serial: number }, { uuids: [other], serial: number }, node(id)).says).toBe("refuse");
      }),
    );
  });

  test("garbage of any kind is never proof", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.string(), fc.string(), (uuids, number, os) => {
        expect(judge({}, { uuids, serial: number }, node(os)).says).toBe("refuse");
      }),
    );
  });

  test("without any identity in the inventory nothing is allowed", () => {
    fc.assert(
      fc.property(uuid, serial, (id, number) => void expect(judge({}, { uuids: [id], serial: number }, node(id)).says).toBe("refuse")),
    );
  });
});

describe("judgeLedger", () => {
  const intent = { function: nodeLost, machine: "gpu-02", run: "mine" };
  const entry = { machine: "gpu-02" };

  test("whoever wants it otherwise is obeyed, and named", () => {
    expect(judgeLedger({ ...entry, want: "off", by: "alice", why: "new fans" }, intent)).toEqual({
      says: "refuse",
      reason: "alice wants it off (new fans), node-lost would leave it on",
    });
    expect(judgeLedger({ ...entry, want: "on" }, intent).says).toBe("allow");
    expect(judgeLedger(entry, intent).says).toBe("allow");
    expect(judgeLedger({ ...entry, want: "off" }, { ...intent, function: { ...nodeLost, aim: undefined } }).says).toBe("allow");
  });

  test("a quarantine holds for everybody but the run that made it", () => {
    const quarantine = { reason: "GPU missing", run: "mine", since: "2026-01-01T00:00:00Z" };
    expect(judgeLedger({ ...entry, quarantine }, intent).says).toBe("allow");
    const other = judgeLedger({ ...entry, quarantine: { ...quarantine, run: "theirs" } }, intent);
    expect(other).toEqual({
      says: "refuse",
      reason: "quarantined since 2026-01-01T00:00:00Z: GPU missing. When it is safe: lightsout release gpu-02",
    });
  });
});
