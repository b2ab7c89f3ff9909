import { expect, test } from "vitest";
import { createMemoryStore, type Entry, type EventStore, journalSubject } from "#events";
import { journalFormat } from "#events/journal.ts";
import { createLeaseWatch, holdLease, leaseTimes } from "#events/leases.ts";
import { createFakeTime } from "#events/testing/mod.ts";
import { createRig, storeThrough } from "./rig.ts";
import { cycle, pressed, toyFunction, turn } from "./toy.ts";

const sleepy = toyFunction(async ({ step }) => {
  await step.run("first", () => 1);
  await step.sleep("long", "30m");
  await step.run("last", () => 2);
});

test("promise 7: a live owner is never taken over, however far the clocks of the others are off", async () => {
  const rig = createRig();
  await rig.spawn({ functions: [sleepy] });
  const id = await rig.send(pressed, { machine: "box" });
  for (const wallOffsetMs of [-3_600_000, 600_000, 86_400_000]) {
    await rig.spawn({ functions: [sleepy], clock: rig.time.clock({ wallOffsetMs }) });
  }
  await rig.untilLine(sleepy, id, "finished ok");
  const lines = await rig.lines(sleepy, id);
  expect(lines).not.toContain("fenced");
});

test("promise 7: a dead owner is believed for one lease, by the observer's own monotonic clock; then its run is fenced before it is touched", async () => {
  const rig = createRig();
  const first = await rig.spawn({ functions: [sleepy] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.spawn({ functions: [sleepy], clock: rig.time.clock({ wallOffsetMs: 7_200_000 }) });
  await rig.untilLine(sleepy, id, "waiting");
  first.kill();
  const died = rig.clock.mono();
  await rig.untilLine(sleepy, id, "fenced");
  const after = rig.clock.mono() - died;
  expect(after).toBeGreaterThanOrEqual(leaseTimes.ttlMs - leaseTimes.beatMs);
  expect(after).toBeLessThan(leaseTimes.ttlMs + 3 * leaseTimes.beatMs);
  await rig.untilLine(sleepy, id, "finished ok");
  const entries = await rig.entries(sleepy, id);
  const fenced = entries.findIndex((entry) => entry.is === "fenced");
  const [one, two] = [entries[0]?.by, entries[fenced]?.by];
  expect(one).not.toBe(two);
  expect(entries.map((entry) => entry.by)).toEqual(entries.map((_, index) => (index < fenced ? one : two)));
  expect(entries[fenced]).toMatchObject({ victim: one });
});

test("promise 7: a frozen worker that comes back lets go of what was taken, and goes on with new work under a new lease", async () => {
  const rig = createRig();
  const first = await rig.spawn({ functions: [sleepy] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(sleepy, id, "waiting");
  const name = first.worker.office.worker();
  const second = await rig.spawn({ functions: [sleepy] });
  first.freeze();
  await rig.untilLine(sleepy, id, "fenced");
  first.thaw();
  await rig.clock.sleep(60_000);
  expect(first.worker.office.worker()).not.toBe(name);
  second.kill();
  // Only the one that was frozen is left: it takes new events, and the runs of the dead.
  const another = await rig.send(pressed, { machine: "another-box" });
  await rig.untilLine(sleepy, another, "finished ok");
  await rig.untilLine(sleepy, id, "finished ok");
  for (const run of [id, another]) expect((await rig.entries(sleepy, run)).at(-1)?.by).toBe(first.worker.office.worker());
});

test("promise 7: a worker whose lease is taken away lets go of everything at once, and may take it again under its new name", async () => {
  const rig = createRig();
  const { worker } = await rig.spawn({ functions: [sleepy] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(sleepy, id, "waiting");
  const old = worker.office.worker();
  const [lease] = await rig.store.kv.list("leases");
  await rig.store.kv.delete("leases", old, lease?.revision ?? 0);
  await rig.untilLine(sleepy, id, "fenced");
  expect((await rig.entries(sleepy, id)).at(-1)).toMatchObject({ is: "fenced", victim: old, by: worker.office.worker() });
  expect(worker.office.worker()).not.toBe(old);
  await rig.untilLine(sleepy, id, "finished ok");
});

test("promise 20: a run taken by a worker that died before it could show so is found again, though the index still names us", async () => {
  const rig = createRig();
  let robbed = false;
  const spec = toyFunction(
    async ({ step }) => {
      await step.run("first", async () => {
        if (robbed) return;
        robbed = true;
        const [subject] = await rig.store.log.subjects("journal", ">");
        const entry = { is: "fenced", victim: "us", v: journalFormat, id: "theirs", by: "died at once", at: rig.clock.now() };
        await rig.store.log.append("journal", subject ?? "", entry);
      });
    },
    { acts: [] },
  );
  await rig.spawn({ functions: [spec] });
  const before = rig.clock.mono();
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(spec, id, "finished ok");
  expect(rig.clock.mono() - before).toBeLessThan(20_000);
  expect(await rig.lines(spec, id)).toEqual(["started toy for box", "fenced", "fenced", 'done "first"', "finished ok"]);
});

test("promise 7: a frozen worker's act is not performed when it comes back, nor is its outcome written", async () => {
  const rig = createRig();
  let freeze: (() => void) | undefined;
  const slow = toyFunction(async ({ step, ports }) => {
    await step.act(
      "off",
      turn(ports.box, "off", {
        perform: async (permit) => {
          freeze?.();
          return ports.box.press(permit);
        },
      }),
    );
  });
  const first = await rig.spawn({ functions: [slow] });
  freeze = () => {
    freeze = undefined;
    first.freeze();
  };
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(slow, id, "intent");
  await rig.spawn({ functions: [slow] });
  await rig.untilLine(slow, id, "finished ok");
  expect(rig.box.did.off).toBe(1);
  const written = await rig.entries(slow, id);
  first.thaw();
  await rig.clock.sleep(600_000);
  expect(await rig.entries(slow, id)).toEqual(written);
  expect(rig.box.writes).toHaveLength(1);
});

test("promise 7: duplicate wake-ups are dropped: an event delivered to two workers is one run of one owner", async () => {
  const rig = createRig();
  const id = await rig.send(pressed, { machine: "box" });
  // Each of these hands every record to its worker, as a store does that redelivers too early.
  const greedy = (name: string) => ({
    ...rig.store,
    log: {
      ...rig.store.log,
      consume: (...[stream, filter, group, handle]: Parameters<typeof rig.store.log.consume>) =>
        rig.store.log.consume(stream, filter, `${group}-${name}`, async (record) => {
          await Promise.all([handle(record), handle(record)]);
          await handle(record);
        }),
    },
  });
  for (const name of ["a", "b"]) await rig.spawn({ functions: [sleepy], store: greedy(name) });
  await rig.untilLine(sleepy, id, "finished ok");
  expect(await rig.lines(sleepy, id)).toEqual([
    "started toy for box",
    'done "first" 1',
    'waiting "long"',
    'done "long"',
    'done "last" 2',
    "finished ok",
  ]);
});

test("promise 7: a worker that stops hands its runs over at once", async () => {
  const rig = createRig();
  const first = await rig.spawn({ functions: [sleepy] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(sleepy, id, "waiting");
  await rig.spawn({ functions: [sleepy] });
  const asked = rig.clock.mono();
  await first.worker.stop();
  await rig.untilLine(sleepy, id, "fenced");
  expect(rig.clock.mono() - asked).toBeLessThanOrEqual(leaseTimes.beatMs + 1000);
  await rig.untilLine(sleepy, id, "finished ok");
});

test("stopping lets an act under way see its outcome, and begins no further step", async () => {
  const rig = createRig({ faults: { latencyMs: 4000 } });
  const first = await rig.spawn({ functions: [cycle] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(cycle, id, "intent");
  await first.worker.stop();
  expect((await rig.lines(cycle, id)).at(-1)).toBe('outcome "off" done: off');
  await rig.clock.sleep(60_000);
  expect(rig.box.writes).toHaveLength(1);
  await rig.spawn({ functions: [cycle] });
  await rig.untilLine(cycle, id, "finished ok");
  expect(rig.box.did).toEqual({ on: 1, off: 1 });
});

test("stopping does not wait for a store that is away: the act under way is left to the next worker, which looks", async () => {
  for (const lastly of ["intent", "outcome", "finished"]) {
    let away = false;
    const wrap = (store: EventStore) =>
      storeThrough(store, async (_, data, work) => {
        if (away) throw new Error("away");
        const answer = await work();
        if ((data as { is?: string } | undefined)?.is === lastly) away = true;
        return answer;
      });
    const rig = createRig({ wrap });
    const off = toyFunction(async ({ step, ports }) => void (await step.act("off", turn(ports.box, "off"))));
    const first = await rig.spawn({ functions: [off] });
    const id = await rig.send(pressed, { machine: "box" });
    await rig.untilLine(off, id, lastly);
    const asked = rig.clock.mono();
    await first.worker.stop();
    expect(rig.clock.mono() - asked).toBeLessThan(60_000);
    away = false;
    await rig.spawn({ functions: [off], store: rig.store });
    await rig.untilLine(off, id, "finished ok");
    expect(rig.box.did.off).toBe(1);
    expect(rig.box.writes).toHaveLength(1);
  }
});

test("a worker that stops while a run begins drives nothing afterwards: the run is the next worker's", async () => {
  const rig = createRig();
  const did: string[] = [];
  const counting = toyFunction(async ({ step }) => void (await step.run("did", () => void did.push("it"))), { acts: [] });
  const slow = storeThrough(rig.store, async (call, data, work) => {
    const answer = await work();
    if (call === "append journal" && (data as { is?: string }).is === "started") await rig.clock.sleep(5000);
    return answer;
  });
  const first = await rig.spawn({ functions: [counting], store: slow });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(counting, id, "started");
  await first.worker.stop();
  await rig.clock.sleep(60_000);
  expect(did).toEqual([]);
  await rig.spawn({ functions: [counting] });
  await rig.untilLine(counting, id, "finished ok");
  expect(did).toEqual(["it"]);
});

test("promise 7: the journal says whose a run is, not the index that lags behind it", async () => {
  const rig = createRig();
  const owner = await rig.spawn({ functions: [sleepy] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(sleepy, id, "waiting");
  await owner.worker.runs.set(rig.run(sleepy, id), (now) => now && { ...now, worker: "somebody-dead" });
  await rig.spawn({ functions: [sleepy] });
  await rig.clock.sleep(120_000);
  expect(await rig.lines(sleepy, id)).not.toContain("fenced");
});

test("what a former owner shows late does not replace what the present owner shows", async () => {
  const rig = createRig();
  let holdBack = true;
  const late: (() => Promise<unknown>)[] = [];
  const slowIndex = storeThrough(rig.store, async (call, data, work) => {
    const shown = data as { status?: string } | undefined;
    if (call === "put runs" && holdBack && shown?.status === "waiting") {
      holdBack = false;
      return new Promise((resolve) => late.push(() => work().then(resolve)));
    }
    return work();
  });
  const first = await rig.spawn({ functions: [sleepy], store: slowIndex });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(sleepy, id, "waiting");
  first.freeze();
  const second = await rig.spawn({ functions: [sleepy] });
  await rig.untilLine(sleepy, id, "finished ok");
  await rig.clock.sleep(1000);
  const shown: unknown[] = [];
  await rig.store.kv.watch("runs", async (run) => void shown.push((await second.worker.runs.get(run))?.status));
  first.thaw();
  for (const write of late) await write();
  await rig.clock.sleep(60_000);
  expect(late).toHaveLength(1);
  expect(shown).toEqual([]);
  expect(await second.worker.runs.get(rig.run(sleepy, id))).toMatchObject({ status: "finished" });
});

test("promise 17: the index is rebuilt from the journals, finished runs and all", async () => {
  const rig = createRig();
  const quick = toyFunction(async () => undefined, { id: "quick", acts: [] });
  const first = await rig.spawn({ functions: [sleepy, quick] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(sleepy, id, "waiting");
  await rig.untilLine(quick, id, "finished");
  first.kill();
  for (const entry of await rig.store.kv.list("runs")) await rig.store.kv.delete("runs", entry.key, entry.revision);
  const second = await rig.spawn({ functions: [sleepy, quick] });
  expect(await second.worker.runs.get(rig.run(quick, id))).toMatchObject({
    status: "finished",
    reason: "ok",
    function: "quick",
    key: "box",
  });
  expect(await second.worker.runs.get(rig.run(sleepy, id))).toMatchObject({ status: "queued", function: "toy", event: { id } });
  await rig.untilLine(sleepy, id, "finished ok");
});

test("promise 17: a rebuilt index wakes nothing whose end was told, nor what ended so long ago that its events are not kept", async () => {
  const rig = createRig();
  const quick = toyFunction(async () => undefined, { id: "quick", acts: [] });
  const acting = toyFunction(async () => undefined, { id: "acting" });
  const specs = [quick, acting];
  const first = await rig.spawn({ functions: specs });
  const [told, old, young] = await Promise.all(["told", "old", "young"].map((machine) => rig.send(pressed, { machine })));
  const status = async (life: typeof first, id = "") =>
    Promise.all(specs.map(async (spec) => (await life.worker.runs.get(rig.run(spec, id)))?.status));
  const ended = (life: typeof first, id?: string) => rig.until(async () => (await status(life, id)).every((one) => one === "finished"));
  for (const id of [told, old, young]) await ended(first, id);
  first.kill();
  for (const entry of await rig.store.kv.list("runs")) await rig.store.kv.delete("runs", entry.key, entry.revision);
  const tellings = async () =>
    (await rig.store.log.read("events", "std.run-finished.>")).map(({ data }) => (data as { data: { run: string } }).data.run);
  for (const id of [old, young]) {
    for (const key of [rig.run(quick, id ?? ""), id === old ? "old" : "young"])
      await rig.store.log.purge("events", `std.run-finished.${key}`);
  }
  await rig.store.log.purge("events", "std.box-pressed.old");
  // Until the store has forgotten their ids.
  await rig.clock.sleep(300_000);
  const second = await rig.spawn({ functions: specs });
  expect(await status(second, told)).toEqual(["finished", "finished"]);
  expect(await status(second, old)).toEqual(["finished", "finished"]);
  await ended(second, young);
  await rig.clock.sleep(300_000);
  const runs = [told, young].flatMap((id) => specs.map((spec) => rig.run(spec, id ?? "")));
  expect((await tellings()).toSorted()).toEqual(runs.toSorted());
});

test("an index entry whose journal never began does not stop its event from starting the run", async () => {
  const rig = createRig();
  const first = await rig.spawn({
    functions: [sleepy],
    store: storeThrough(rig.store, async (_, data, work) => {
      if ((data as { is?: string } | undefined)?.is === "started") {
        first.kill();
        return new Promise(() => undefined);
      }
      return work();
    }),
  });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.clock.sleep(1000);
  expect(await rig.lines(sleepy, id)).toEqual([]);
  const second = await rig.spawn({ functions: [sleepy] });
  await rig.untilLine(sleepy, id, "finished ok");
  expect((await second.worker.runs.all()).map((summary) => summary.run)).toEqual([rig.run(sleepy, id)]);
});

const watching = () => {
  const clock = createFakeTime().clock();
  const store = createMemoryStore({ clock });
  return { clock, store };
};

test("an outage of the store makes nobody look dead", async () => {
  const { clock, store } = watching();
  let away = false;
  const through = storeThrough(store, async (_, __, work) => {
    if (away) throw new Error("away");
    return work();
  });
  const lost: string[] = [];
  const lease = await holdLease(through, clock, leaseTimes, () => lost.push("lost"));
  const { expired } = createLeaseWatch(through, clock, leaseTimes);
  // Looks fall between beats: no beat between the last look before the outage and the first one after it.
  await clock.sleep(2000);
  for (let second = 2; second < 120; second += 4) {
    if (second === 62) away = false;
    expect(await expired(lease.worker).catch(() => false)).toBe(false);
    if (second === 22) away = true;
    await clock.sleep(4000);
  }
  expect(lost).toEqual([]);
  await lease.end();
});

test("an expired lease is removed at the revision that was watched: who spoke in between keeps it", async () => {
  const { clock, store } = watching();
  await store.kv.put("leases", "quiet", { beat: 0 }, 0);
  let speaks = false;
  const through = storeThrough(store, async (call, _, work) => {
    const answer = await work();
    const now = await store.kv.get("leases", "quiet");
    if (call === "get leases" && speaks && now) await store.kv.put("leases", "quiet", { beat: 1 }, now.revision);
    return answer;
  });
  const { expired } = createLeaseWatch(through, clock, leaseTimes);
  for (let beat = 0; beat < 4; beat += 1) {
    expect(await expired("quiet")).toBe(false);
    await clock.sleep(4000);
  }
  speaks = true;
  expect(await expired("quiet")).toBe(false);
  speaks = false;
  expect(await store.kv.get("leases", "quiet")).toMatchObject({ value: { beat: 1 } });
  const verdicts: boolean[] = [];
  for (let beat = 0; beat < 5; beat += 1) {
    verdicts.push(await expired("quiet"));
    await clock.sleep(4000);
  }
  expect(verdicts).toEqual([false, false, false, false, true]);
  expect(await store.kv.get("leases", "quiet")).toBeUndefined();
});

test("leases of the dead do not pile up", async () => {
  const rig = createRig();
  for (let death = 0; death < 3; death += 1) (await rig.spawn({ functions: [] })).kill();
  const { worker } = await rig.spawn({ functions: [] });
  await rig.clock.sleep(60_000);
  expect((await rig.store.kv.list("leases")).map((entry) => entry.key)).toEqual([worker.office.worker()]);
});

test("promise 8: journals of unfinished runs outlive any number of owners", async () => {
  const rig = createRig();
  const id = await rig.send(pressed, { machine: "box" });
  for (let life = 0; life < 4; life += 1) {
    const { kill } = await rig.spawn({ functions: [sleepy] });
    await rig.until(
      async () =>
        (await rig.lines(sleepy, id)).filter((line) => line === "fenced").length >= life && (await rig.lines(sleepy, id)).length > 2,
    );
    kill();
  }
  await rig.spawn({ functions: [sleepy] });
  await rig.untilLine(sleepy, id, "finished ok");
  const entries: Entry[] = await rig.entries(sleepy, id);
  expect(entries.filter((entry) => entry.is === "done" && entry.step === "first")).toHaveLength(1);
  expect(await rig.store.log.subjects("journal", ">")).toEqual([journalSubject("toy", rig.run(sleepy, id))]);
});
