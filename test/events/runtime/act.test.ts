import { expect, test } from "vitest";
import { crashEverywhere, createFakeTime, testRun } from "#events/testing/mod.ts";
import { type BoxFaults, createBox, cycle, toyFunction, turn } from "./toy.ts";

const world = (faults: BoxFaults = {}) => {
  const time = createFakeTime();
  const box = createBox(time.clock(), faults);
  return { time, box, ports: { box: box.port } };
};

test("promise 9: an act is journaled before it is performed and once its effect is seen", async () => {
  const { time, box, ports } = world();
  const run = await testRun(cycle, { data: { machine: "box" }, ports, time });
  expect(run.lines).toMatchInlineSnapshot(`
    [
      "started toy for box",
      "intent "off" force-off #1",
      "outcome "off" done: off",
      "intent "on" power-on #1",
      "outcome "on" done: on",
      "finished ok",
    ]
  `);
  expect(box.did).toEqual({ on: 1, off: 1 });
});

test("promise 4: the world is asked, not the event: nothing is sent when it is as the act would leave it", async () => {
  const { time, box, ports } = world();
  box.state = "off";
  const off = toyFunction(async ({ step, ports: { box: port } }) => {
    await step.act("off", turn(port, "off"));
  });
  const run = await testRun(off, { data: { machine: "box" }, ports, time });
  expect(run.status).toBe("ok");
  expect(box.writes).toEqual([]);
});

test("promise 13: a lost answer may have had an effect: it is never repeated, the state decides", async () => {
  const { time, box, ports } = world({ losesAnswers: true });
  const run = await testRun(cycle, { data: { machine: "box" }, ports, time });
  expect(run.status).toBe("ok");
  expect(box.did).toEqual({ on: 1, off: 1 });
});

test("promise 12: a request that changed nothing is tried again only after a full settle", async () => {
  const { time, box, ports } = world({ ignores: 1 });
  const run = await testRun(cycle, { data: { machine: "box" }, ports, time });
  expect(run.status).toBe("ok");
  const [first, second] = box.writes;
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(15_000);
});

test("promise 12: a device that ignores every attempt parks the run, with the card", async () => {
  const { time, box, ports } = world({ ignores: 99 });
  const run = await testRun(cycle, { data: { machine: "box" }, ports, time });
  expect(run.status).toBe("parked");
  expect(run.reason).toContain("did not happen in 2 attempts");
  expect(box.writes).toHaveLength(2);
});

test("promise 12: a device that falls silent after the request parks the run: it cannot be known", async () => {
  let silent = false;
  const time = createFakeTime();
  const clock = time.clock();
  const box = createBox(clock, { silent: () => silent });
  const port = {
    ...box.port,
    press: async (permit: Parameters<typeof box.port.press>[0]) => {
      const answer = await box.port.press(permit);
      silent = true;
      return answer;
    },
  };
  const run = await testRun(cycle, { data: { machine: "box" }, ports: { box: port }, time });
  expect(run.status).toBe("parked");
  expect(run.reason).toContain("cannot be known");
  expect(box.writes).toHaveLength(1);
});

test("promise 13: only an error that reached nothing is retried at once", async () => {
  const { time, box, ports } = world({ unreachable: 1 });
  const run = await testRun(cycle, { data: { machine: "box" }, ports, time });
  expect(run.status).toBe("ok");
  expect(box.did).toEqual({ on: 1, off: 1 });
  const [first, second] = run.journal.filter((entry) => entry.is === "intent");
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeLessThan(5000);
});

const scenario = (faults: BoxFaults) => ({
  world: (clock: Parameters<typeof createBox>[0]) => createBox(clock, faults),
  ports: (box: ReturnType<typeof createBox>) => ({ box: box.port }),
  data: { machine: "box" },
});

for (const [name, faults] of Object.entries({ honest: {}, slow: { latencyMs: 8000 }, "losing answers": { losesAnswers: true } })) {
  for (const how of ["crash", "stop"] as const) {
    for (const skewMs of [0, -180_000, 180_000]) {
      test(`at most once, hit everywhere: ${name} device, ${how}, clocks ${skewMs / 1000} s apart`, async () => {
        const histories = await crashEverywhere(
          cycle,
          scenario(faults),
          ({ world: box, status }) => {
            expect(status).toBe("ok");
            expect(box.did).toEqual({ on: 1, off: 1 });
            expect(box.writes.map((write) => write.verb)).toEqual(["force-off", "power-on"]);
          },
          { how, skewMs },
        );
        expect(histories.length).toBeGreaterThan(20);
      });
    }
  }
}
