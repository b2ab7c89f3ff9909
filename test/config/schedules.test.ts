import { describe, expect, it, onTestFinished } from "vitest";
import { readCron } from "#config/cron.ts";
import { parseConfig } from "#config/load.ts";
import { schedulesOf, startSchedules } from "#config/schedules.ts";
import { createMemoryStore, createWorker, etcdSnapshotRequested, type Incoming, stableId } from "#events";
import { createFakeTime, type FakeTime } from "#events/testing/mod.ts";
import { defineFunction } from "#functions/define.ts";
import { editorErrors } from "./editor.ts";

const at = (text: string) => Date.parse(text);
const minutes = 60_000;
const hours = 60 * minutes;
const snapshot = (cron: string) => [{ name: "etcd-snapshot", cron, type: etcdSnapshotRequested.type, data: {} }];

/** A worker with schedules on a time of its own, which begins at 2026-01-01T00:00:00Z. */
function scheduled(cron: string, options: { time?: FakeTime; timezone?: string; fails?: () => boolean; wallOffsetMs?: number } = {}) {
  const { time = createFakeTime(), timezone = "UTC", fails = () => false, wallOffsetMs = 0 } = options;
  const clock = time.clock({ wallOffsetMs });
  const asked: string[] = [];
  const notes: string[] = [];
  const stop = startSchedules({
    schedules: snapshot(cron),
    timezone,
    site: "test",
    clock,
    log: { note: (_, message) => notes.push(message) },
    async accept({ id = "" }: Incoming) {
      if (fails()) throw new Error("the store is away");
      asked.push(id);
      return { id, position: 1, runs: [], repeated: false };
    },
  });
  onTestFinished(async () => {
    await stop();
    clock.kill();
  });
  return { asked, clock, notes, stop };
}
const idOf = (due: string) => stableId("schedule", "etcd-snapshot", at(due));

describe("a schedule", () => {
  it("asks at every due time, and not in between", async () => {
    const { asked, clock } = scheduled("30 */6 * * *");
    await clock.sleep(10 * minutes);
    expect(asked).toEqual([idOf("2025-12-31T18:30:00Z")]);
    await clock.sleep(24 * hours);
    expect(asked.slice(1)).toEqual(["00:30", "06:30", "12:30", "18:30"].map((time) => idOf(`2026-01-01T${time}:00Z`)));
  });

  it("makes up for a time that passed up to twelve hours ago, once, and for none before", async () => {
    const recent = scheduled("30 12 * * *");
    const older = scheduled("30 11 * * *");
    const many = scheduled("*/10 * * * *");
    await recent.clock.sleep(1000);
    expect(recent.asked).toEqual([idOf("2025-12-31T12:30:00Z")]);
    expect(older.asked).toEqual([]);
    expect(many.asked).toEqual([idOf("2026-01-01T00:00:00Z")]);
  });

  it("of two workers, whose clocks differ a little, asks for the same events", async () => {
    const time = createFakeTime();
    const one = scheduled("0 3 * * *", { time });
    const other = scheduled("0 3 * * *", { time, wallOffsetMs: 20_000 });
    await one.clock.sleep(50 * hours);
    expect(one.asked).toEqual([idOf("2026-01-01T03:00:00Z"), idOf("2026-01-02T03:00:00Z")]);
    expect(other.asked).toEqual(one.asked);
  });

  it("asks again when it could not, and says so", async () => {
    let away = true;
    const { asked, clock, notes } = scheduled("0 3 * * *", { fails: () => away });
    await clock.sleep(3 * hours + 5 * minutes);
    expect(asked).toEqual([]);
    expect(notes[0]).toBe("etcd-snapshot, due at 2026-01-01T03:00:00.000Z, could not be asked for yet: the store is away");
    away = false;
    await clock.sleep(2 * minutes);
    expect(asked).toEqual([idOf("2026-01-01T03:00:00Z")]);
  });

  it("asks no more once it has been stopped", async () => {
    const { asked, clock, stop } = scheduled("*/10 * * * *");
    await clock.sleep(15 * minutes);
    await stop();
    const before = [...asked];
    await clock.sleep(hours);
    expect(asked).toEqual(before);
  });

  it("makes one run of a due time, whichever worker asks and however often one starts", async () => {
    const clock = createFakeTime().clock();
    const store = createMemoryStore({ clock });
    let runs = 0;
    const take = defineFunction({ id: "take", on: etcdSnapshotRequested, uses: [], timeout: "5m" }, async ({ step }) => {
      await step.run("count", async () => {
        runs += 1;
      });
    });
    const worker = createWorker({ site: "test", store, clock, functions: [take], ports: {}, guards: [] });
    await worker.start();
    const start = () =>
      startSchedules({
        schedules: snapshot("0 3 * * *"),
        timezone: "UTC",
        site: "test",
        clock,
        accept: worker.accept,
        log: { note: () => undefined },
      });
    const first = [start(), start()];
    await clock.sleep(4 * hours);
    await Promise.all(first.map((stop) => stop()));
    const again = start();
    await clock.sleep(hours);
    expect(runs).toBe(1);
    await clock.sleep(24 * hours);
    expect(runs).toBe(2);
    await again();
    await worker.stop();
    clock.kill();
  });
});

describe("the schedules of a configuration", () => {
  const parse = (text: string) => {
    const config = parseConfig(text, { file: "lightsout.yaml", folder: "/etc/lightsout", env: {} });
    expect(editorErrors(text)).toEqual([]);
    return config;
  };

  it("are none until they are given", () => {
    expect(schedulesOf(parse("snapshots: {to: ./etcd}"))).toEqual([]);
  });

  it("are of snapshots and of drift", () => {
    const config = parse('snapshots: {to: ./etcd, schedule: "0 3 * * *"}\ndrift: {schedule: "@daily"}');
    expect(schedulesOf(config).map(({ name, cron, type }) => [name, cron, type])).toEqual([
      ["etcd-snapshot", "0 3 * * *", "etcd-snapshot-requested"],
      ["drift-check", "@daily", "drift-check-requested"],
    ]);
  });
});

describe("a cron expression", () => {
  it.each(["", "* * * *", "* * * * * *", "61 * * * *", "@reboot", "2026-02-01T00:00:00Z", "0 0 31 2 *", "a b c d e"])(
    "is not %j",
    (text) => {
      expect(readCron(text, "UTC")).toBeUndefined();
    },
  );

  it("counts a time as its own last one, and not as its next", () => {
    const times = readCron("0 3 * * *", "UTC");
    const due = at("2026-03-01T03:00:00Z");
    expect([times?.last(due), times?.last(due - 1), times?.next(due)]).toEqual([due, due - 24 * hours, due + 24 * hours]);
  });

  it("means the time of its zone, through summer and winter", () => {
    const times = readCron("0 3 * * *", "Europe/Berlin");
    expect(times?.next(at("2026-01-10T00:00:00Z"))).toBe(at("2026-01-10T02:00:00Z"));
    expect(times?.next(at("2026-07-10T00:00:00Z"))).toBe(at("2026-07-10T01:00:00Z"));
  });
});
