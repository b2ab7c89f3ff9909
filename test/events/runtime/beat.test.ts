import { expect, test } from "vitest";
import { createBeat } from "#events/runtime/beat.ts";
import { createFakeTime } from "#events/testing/mod.ts";

const rig = () => {
  const clock = createFakeTime().clock();
  return { clock, beat: createBeat(clock, 1000) };
};

test("everybody who listens hears every beat, until they leave", async () => {
  const { clock, beat } = rig();
  const heard = { a: 0, b: 0 };
  const leaveA = beat.join(() => void heard.a++);
  await clock.sleep(500);
  const leaveB = beat.join(() => void heard.b++);
  await clock.sleep(600);
  expect(heard).toEqual({ a: 1, b: 1 });
  leaveA();
  await clock.sleep(1000);
  expect(heard).toEqual({ a: 1, b: 2 });
  leaveB();
  await clock.sleep(5000);
  expect(heard).toEqual({ a: 1, b: 2 });
});

test("a beat that stood still begins anew with the next who listens", async () => {
  const { clock, beat } = rig();
  beat.join(() => undefined)();
  await clock.sleep(900);
  let heard = 0;
  const leave = beat.join(() => void heard++);
  await clock.sleep(900);
  expect(heard).toBe(0);
  await clock.sleep(200);
  expect(heard).toBe(1);
  leave();
});

test("who leaves during a beat is not in the way of the others", async () => {
  const { clock, beat } = rig();
  const heard: string[] = [];
  const leaveFirst = beat.join(() => {
    heard.push("first");
    leaveFirst();
  });
  const leave = beat.join(() => void heard.push("second"));
  await clock.sleep(2100);
  expect(heard).toEqual(["first", "second", "second"]);
  leave();
});
