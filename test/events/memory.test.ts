import { expect, test } from "vitest";
import type { Clock } from "#events";
import { createMemoryStore } from "#events/memory.ts";
import { storeContract } from "#test/contracts/store.ts";

storeContract("memory", async () => {
  const store = createMemoryStore();
  return { store, second: async () => store, close: () => store.close() };
});

/** A clock that stands still; whoever sleeps is noted and woken at once. */
function stillClock(): Clock & { now: () => number; at: number; readonly slept: number[] } {
  const clock = {
    at: 1_700_000_000_000,
    slept: [] as number[],
    now: () => clock.at,
    mono: () => clock.at,
    sleep: async (ms: number) => void clock.slept.push(ms),
  };
  return clock;
}

test("records are dated by the given clock, and a rejected one waits on it, longer each time, at most 30 s", async () => {
  const clock = stillClock();
  const { log } = createMemoryStore({ clock });
  await log.append("events", "a", 1);
  expect((await log.last("events", "a"))?.time).toBe(clock.at);
  const { promise, resolve } = Promise.withResolvers<void>();
  await log.consume("events", ">", "n", async () => {
    if (clock.slept.length < 7) throw new Error("again");
    resolve();
  });
  await promise;
  expect(clock.slept).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

test("an id is forgotten after two minutes, as a real store's window ends", async () => {
  const clock = stillClock();
  const { log } = createMemoryStore({ clock });
  await log.append("events", "a", 1, { id: "x" });
  clock.at += 119_999;
  expect(await log.append("events", "a", 1, { id: "x" })).toMatchObject({ duplicate: true });
  clock.at += 1;
  expect(await log.append("events", "a", 1, { id: "x" })).toEqual({ ok: true, seq: 2, duplicate: false });
});

test("a reader cannot change what was written", async () => {
  const { log } = createMemoryStore();
  const data = { list: [1] };
  await log.append("events", "a", data);
  data.list.push(2);
  const read = (await log.last("events", "a"))?.data as { list: number[] };
  read.list.push(3);
  expect((await log.last("events", "a"))?.data).toEqual({ list: [1] });
});
