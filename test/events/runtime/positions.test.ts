import { expect, test } from "vitest";
import { createRig } from "./rig.ts";
import { nudged, pressed, toyFunction, turn } from "./toy.ts";

const waits = (...names: string[]) =>
  toyFunction(
    async ({ step }) => {
      for (const name of names) await step.waitFor(name, nudged, { within: "10m" });
    },
    { acts: [] },
  );

test("promise 2: a wait counts from the event that started the run: earlier ones are past, later ones count before the wait began", async () => {
  const rig = createRig();
  await rig.send(nudged, { machine: "box", n: 1 });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.send(nudged, { machine: "box", n: 2 });
  const one = waits("nudge");
  await rig.spawn({ functions: [one], events: [nudged as never] });
  await rig.untilLine(one, id, "finished ok");
  expect(await rig.lines(one, id)).toContain('done "nudge" {"machine":"box","n":2}');
});

test("promise 2: a wait counts from the last match: one event meets one wait", async () => {
  const rig = createRig();
  const two = waits("first", "second", "third");
  await rig.spawn({ functions: [two], events: [nudged as never] });
  const id = await rig.send(pressed, { machine: "box" });
  for (const n of [1, 2]) await rig.send(nudged, { machine: "box", n });
  await rig.untilLine(two, id, "finished ok");
  const done = (await rig.lines(two, id)).filter((line) => line.startsWith("done"));
  expect(done).toEqual(['done "first" {"machine":"box","n":1}', 'done "second" {"machine":"box","n":2}', 'done "third"']);
});

test("promise 2: a wait counts from the last act: what was said before its effect was seen says nothing about it", async () => {
  const rig = createRig();
  const acts = toyFunction(async ({ step, ports }) => {
    await step.act("off", turn(ports.box, "off"));
    await step.waitFor("nudge", nudged, { within: "10m" });
  });
  await rig.spawn({ functions: [acts], events: [nudged as never] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(acts, id, "intent");
  await rig.send(nudged, { machine: "box", n: 1 });
  await rig.untilLine(acts, id, "waiting");
  await rig.send(nudged, { machine: "box", n: 2 });
  await rig.untilLine(acts, id, "finished ok");
  expect(await rig.lines(acts, id)).toContain('done "nudge" {"machine":"box","n":2}');
});

test("promise 2: a forged time neither makes an event count nor hides it", async () => {
  const rig = createRig();
  const one = waits("nudge");
  await rig.send(nudged, { machine: "box", n: 1 }, { time: "2199-01-01T00:00:00Z" });
  const id = await rig.send(pressed, { machine: "box" }, { time: "2199-01-01T00:00:00Z" });
  await rig.send(nudged, { machine: "box", n: 2 }, { time: "1970-01-01T00:00:00Z" });
  await rig.spawn({ functions: [one], events: [nudged as never] });
  await rig.untilLine(one, id, "finished ok");
  expect(await rig.lines(one, id)).toContain('done "nudge" {"machine":"box","n":2}');
});

test("promise 2: a wait is for its own key, narrowed by where; nothing in time is undefined", async () => {
  const rig = createRig();
  const picky = toyFunction(
    async ({ step }) => {
      const first = await step.waitFor("the third", nudged, { within: "10m", where: ({ n }) => n === 3 });
      const never = await step.waitFor("a ninth", nudged, { within: "10m", where: ({ n }) => n === 9 });
      await step.run("seen", () => ({ n: first?.n, timedOut: never === undefined }));
    },
    { acts: [] },
  );
  await rig.spawn({ functions: [picky], events: [nudged as never] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.send(nudged, { machine: "another", n: 3 });
  for (const n of [1, 2]) await rig.send(nudged, { machine: "box", n });
  await rig.clock.sleep(60_000);
  await rig.send(nudged, { machine: "box", n: 3 });
  await rig.untilLine(picky, id, "finished ok");
  expect(await rig.lines(picky, id)).toContain('done "seen" {"n":3,"timedOut":true}');
});

test("promise 17: a live run is woken the moment its event arrives", async () => {
  const rig = createRig();
  const one = waits("nudge");
  await rig.spawn({ functions: [one], events: [nudged as never] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(one, id, "waiting");
  await rig.clock.sleep(12_345);
  const at = rig.clock.now();
  await rig.send(nudged, { machine: "box", n: 0 });
  await rig.untilLine(one, id, "finished ok");
  expect((await rig.entries(one, id)).find((entry) => entry.is === "done")?.at).toBe(at);
});

test("promise 17: an event that arrives while no worker runs is found by the next one", async () => {
  const rig = createRig();
  const one = waits("nudge");
  const first = await rig.spawn({ functions: [one], events: [nudged as never] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(one, id, "waiting");
  first.kill();
  await rig.send(nudged, { machine: "box", n: 5 });
  await rig.spawn({ functions: [one], events: [nudged as never] });
  await rig.untilLine(one, id, "finished ok");
  expect(await rig.lines(one, id)).toContain('done "nudge" {"machine":"box","n":5}');
});

test("promise 4: until takes an event as a hint to look at once; an error means not yet, and 0 is an answer", async () => {
  const rig = createRig();
  let answer: number | undefined;
  let probes = 0;
  const probing = toyFunction(
    async ({ step }) => {
      await step.until(
        "answered",
        async () => {
          probes += 1;
          if (answer === undefined) throw new Error("not there");
          return answer;
        },
        { every: "1h", within: "10h", wakeOn: nudged as never },
      );
    },
    { acts: [] },
  );
  await rig.spawn({ functions: [probing], events: [nudged as never] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(probing, id, "waiting");
  await rig.clock.sleep(60_000);
  expect(probes).toBe(1);
  answer = 0;
  await rig.send(nudged, { machine: "box", n: 0 });
  await rig.untilLine(probing, id, "finished ok");
  expect(await rig.lines(probing, id)).toContain('done "answered" 0');
  expect(probes).toBe(2);
});

test("until: a probe that is met at the last look counts, one that never is answers undefined", async () => {
  const rig = createRig();
  let met = false;
  const probing = toyFunction(
    async ({ step }) => {
      await step.until("at last", async () => met && 0, { every: "2m", within: "10m" });
      await step.until("never", async () => false as const, { every: "2m", within: "10m" });
    },
    { acts: [] },
  );
  await rig.spawn({ functions: [probing] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.clock.sleep(9 * 60_000);
  met = true;
  await rig.untilLine(probing, id, "finished ok");
  expect((await rig.lines(probing, id)).filter((line) => line.startsWith("done"))).toEqual(['done "at last" 0', 'done "never"']);
});
