import { expect, it } from "vitest";
import { createDeadlines } from "#adapters/power/ipmi/deadlines.ts";
import { createFakeTime } from "#events/testing/mod.ts";

it("runs each at its time, in whatever order they were asked for, and none that was called off", async () => {
  const clock = createFakeTime().clock();
  const after = createDeadlines(clock);
  const start = clock.mono();
  const ran: string[] = [];
  const ask = (ms: number) => after(ms, () => void ran.push(`${ms} at ${clock.mono() - start}`));
  ask(300);
  const callOff = ask(100);
  ask(200);
  callOff();
  await clock.sleep(150);
  ask(20);
  await clock.sleep(1000);
  expect(ran).toEqual(["20 at 170", "200 at 200", "300 at 300"]);
  ask(5)();
  ask(7);
  await clock.sleep(10);
  expect(ran.slice(3)).toEqual(["7 at 1157"]);
});
