import { expect, test } from "vitest";
import { createSearch, searchEveryMs } from "#events/runtime/search.ts";
import { createFakeTime } from "#events/testing/mod.ts";
import { createRig, storeThrough } from "./rig.ts";
import { pressed, toyFunction } from "./toy.ts";

const sleepy = toyFunction(async ({ step }) => void (await step.sleep("nap", "1h")), { acts: [] });

/** A rig that notes when the index was read whole. */
function createCountingRig() {
  const reads: number[] = [];
  const rig = createRig({
    wrap: (store, clock) =>
      storeThrough(store, (call, _, work) => {
        if (call === "list runs") reads.push(clock.mono());
        return work();
      }),
  });
  return { rig, reads };
}

test("the index is read when it is asked for, when a worker is gone, and now and then", async () => {
  const clock = createFakeTime().clock();
  const search = createSearch(clock);
  const due = (...living: string[]) => search.starts(new Set(living));
  expect(due("us")).toBe(true);
  expect(due("us")).toBe(false);
  search.wanted();
  expect([due("us"), due("us")]).toEqual([true, false]);
  search.saw("us");
  search.saw("other");
  expect(due("us", "other")).toBe(false);
  expect([due("us"), due("us")]).toEqual([true, false]);
  await clock.sleep(searchEveryMs);
  expect([due("us"), due("us")]).toEqual([true, false]);
});

test("where nobody dies, an index of months is not read at every beat", async () => {
  const { rig, reads } = createCountingRig();
  await rig.spawn({ functions: [sleepy] });
  await rig.send(pressed, { machine: "box" });
  await rig.clock.sleep(60_000);
  reads.length = 0;
  await rig.clock.sleep(1_800_000);
  expect(reads.length).toBeGreaterThan(0);
  expect(reads.length).toBeLessThan(8);
});

test("the runs of a worker that came and went between two beats are taken over at the next", async () => {
  const { rig } = createCountingRig();
  const stays = await rig.spawn({ functions: [sleepy] });
  await rig.clock.sleep(20_100);
  const short = await rig.spawn({ functions: [sleepy] });
  const ids = await Promise.all(["a", "b", "c", "d"].map((machine) => rig.send(pressed, { machine })));
  for (const id of ids) await rig.untilLine(sleepy, id, "waiting");
  const owners = await Promise.all(ids.map(async (id) => (await rig.entries(sleepy, id))[0]?.by));
  const orphan = ids[owners.indexOf(short.worker.office.worker())] ?? "";
  await short.worker.stop();
  const stopped = rig.clock.mono();
  await rig.untilLine(sleepy, orphan, "fenced");
  expect(rig.clock.mono() - stopped).toBeLessThan(6000);
  expect((await rig.entries(sleepy, orphan)).at(-1)?.by).toBe(stays.worker.office.worker());
});
