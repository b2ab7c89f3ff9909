import { expect, test } from "vitest";
import type { EventStore } from "#events";
import type { FakeClock } from "#events/testing/mod.ts";
import { createRig, type Rig, storeThrough } from "./rig.ts";
import { pressed, toyFunction, turn } from "./toy.ts";

/** Off, with something that happens between the permit and the gate, on the first attempt only. */
const disturbed = (disturb: () => Promise<unknown> | undefined) => {
  let first = true;
  return toyFunction(async ({ step, ports }) => {
    await step.act(
      "off",
      turn(ports.box, "off", {
        timeout: "20s",
        settle: "30s",
        perform: async (permit) => {
          if (first) await disturb();
          first = false;
          return ports.box.press(permit);
        },
      }),
    );
  });
};

/** A clock whose wall can be moved while its monotonic time goes on. */
function movable(rig: Rig): FakeClock & { move(ms: number): void } {
  const clock = rig.time.clock();
  let moved = 0;
  return {
    ...clock,
    now: () => clock.now() + moved,
    move(ms) {
      moved += ms;
    },
  };
}

/** Shows that the first attempt was not sent, that the reason is journaled, and that the second did the work. */
async function notSent(rig: Rig, id: string, spec: ReturnType<typeof disturbed>, why: string): Promise<void> {
  await rig.untilLine(spec, id, "finished ok");
  const lines = await rig.lines(spec, id);
  expect(lines[2]).toContain('outcome "off" not-done:');
  expect(lines[2]).toContain(why);
  expect(lines.slice(3, 5)).toEqual(['intent "off" force-off #2', 'outcome "off" done: off']);
  expect(rig.box.writes).toHaveLength(1);
}

test("promise 9: past the deadline on the monotonic clock nothing is performed, though the wall clock stands still", async () => {
  const rig = createRig();
  const clock = movable(rig);
  const spec = disturbed(async () => {
    await rig.clock.sleep(6000);
    clock.move(-6000);
  });
  await rig.spawn({ functions: [spec], clock });
  await notSent(rig, await rig.send(pressed, { machine: "box" }), spec, "not sent: 6 s have passed since the intent");
});

test("promise 9: past the deadline on the wall clock nothing is performed: the process slept without counting", async () => {
  const rig = createRig();
  const clock = movable(rig);
  const spec = disturbed(async () => clock.move(60_000));
  await rig.spawn({ functions: [spec], clock });
  await notSent(rig, await rig.send(pressed, { machine: "box" }), spec, "not sent: 60 s have passed since the intent");
});

test("promise 9: a wall clock that was set back tells nothing, so nothing is performed", async () => {
  const rig = createRig();
  const clock = movable(rig);
  const spec = disturbed(async () => clock.move(-60_000));
  await rig.spawn({ functions: [spec], clock });
  await notSent(rig, await rig.send(pressed, { machine: "box" }), spec, "not sent: the wall clock was set back since the intent");
});

test("promise 9: the deadline runs from before the intent is sent: a store that is slow to acknowledge uses it up", async () => {
  let slow = true;
  const wrap = (store: EventStore, clock: FakeClock) =>
    storeThrough(store, async (_, data, work) => {
      const answer = await work();
      if (slow && (data as { is?: string } | undefined)?.is === "intent") {
        slow = false;
        await clock.sleep(5500);
      }
      return answer;
    });
  const rig = createRig({ wrap });
  const spec = disturbed(() => undefined);
  await rig.spawn({ functions: [spec] });
  await notSent(rig, await rig.send(pressed, { machine: "box" }), spec, "not sent: 6 s have passed since the intent");
});

test("promise 9: waiting for a free slot uses the deadline up too", async () => {
  const rig = createRig();
  const spec = disturbed(() => undefined);
  let hogged = false;
  const { worker } = await rig.spawn({
    functions: [spec],
    slots: 1,
    guards: [
      {
        name: "hogging",
        async check() {
          // The slot is taken after the act has looked and before it performs.
          if (!hogged) void worker.office.slots.with("std", () => rig.clock.sleep(20_000));
          hogged = true;
          return { says: "allow", reason: "" };
        },
      },
    ],
  });
  await notSent(rig, await rig.send(pressed, { machine: "box" }), spec, "not sent: 20 s have passed since the intent");
});

test("promise 10: the gate may be passed again for a retransmission within the deadline, and not after it", async () => {
  const rig = createRig();
  const gates: string[] = [];
  const spec = toyFunction(async ({ step, ports }) => {
    await step.act(
      "off",
      turn(ports.box, "off", {
        timeout: "20s",
        settle: "30s",
        perform: async (permit) => {
          const answer = await ports.box.press(permit);
          for (const wait of [2000, 2000, 2000]) {
            await rig.clock.sleep(wait);
            try {
              permit.gate();
              gates.push("open");
            } catch {
              gates.push("closed");
            }
          }
          return answer;
        },
      }),
    );
  });
  await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(spec, id, "finished ok");
  expect(gates).toEqual(["open", "open", "closed"]);
});

test("promise 12: with an intent and no outcome the next worker waits a full settle on its own clock, looks, and never performs", async () => {
  for (const wallOffsetMs of [-600_000, 600_000]) {
    const rig = createRig({ faults: { latencyMs: 7000 } });
    const spec = toyFunction(async ({ step, ports }) => void (await step.act("off", turn(ports.box, "off"))));
    const first = await rig.spawn({ functions: [spec] });
    const id = await rig.send(pressed, { machine: "box" });
    await rig.until(() => rig.box.writes.length > 0);
    first.kill();
    await rig.spawn({ functions: [spec], clock: rig.time.clock({ wallOffsetMs }) });
    await rig.untilLine(spec, id, "resumed");
    const resumed = rig.clock.mono();
    await rig.untilLine(spec, id, "finished ok");
    expect(rig.clock.mono() - resumed).toBeGreaterThanOrEqual(14_000);
    expect((await rig.lines(spec, id)).slice(1)).toEqual([
      'intent "off" force-off #1',
      "fenced",
      'resumed "off"',
      'outcome "off" done: off',
      "finished ok",
    ]);
    expect(rig.box.writes).toHaveLength(1);
  }
});

for (const [what, end, intents] of [
  ["did not happen is tried again as a new intent", "finished ok", 2],
  ["cannot be told parks", "parked", 1],
] as const) {
  test(`promise 12: a resumed act that ${what}`, async () => {
    let silent = false;
    const rig = createRig({ faults: end === "parked" ? { silent: () => silent } : { ignores: 1 } });
    const spec = toyFunction(async ({ step, ports }) => void (await step.act("off", turn(ports.box, "off"))));
    const first = await rig.spawn({ functions: [spec] });
    const id = await rig.send(pressed, { machine: "box" });
    await rig.until(() => rig.box.writes.length > 0);
    first.kill();
    silent = true;
    await rig.spawn({ functions: [spec] });
    await rig.untilLine(spec, id, end);
    expect((await rig.lines(spec, id)).filter((line) => line.startsWith("intent"))).toHaveLength(intents);
  });
}
