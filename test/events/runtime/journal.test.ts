import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryStore, type Entry, type EventStore, type Fact, type Json, type Step } from "#events";
import { createJournal, journalFormat, RunLostError, readJournal } from "#events/journal.ts";
import { createFakeTime } from "#events/testing/mod.ts";
import { createRig, storeThrough } from "./rig.ts";
import { cycle, pressed, toyFunction, turn } from "./toy.ts";

/** A function of named steps that counts what each did, with a pause to change the code in. */
const steps = (did: string[], ...names: string[]) =>
  toyFunction(
    async ({ step }) => {
      for (const name of names) {
        if (name === "pause") await step.sleep(name, "5m");
        else await step.run(name, () => void did.push(name));
      }
    },
    { acts: [] },
  );

const changes: Record<string, { after: string[]; did: string[] }> = {
  inserting: { after: ["new first", "a", "b", "new middle", "pause", "c"], did: ["a", "b", "new first", "new middle", "c"] },
  removing: { after: ["b", "pause", "c"], did: ["a", "b", "c"] },
  reordering: { after: ["b", "a", "c", "pause"], did: ["a", "b", "c"] },
};
for (const [name, { after, did: expected }] of Object.entries(changes)) {
  test(`promise 5: ${name} steps of a run under way is safe: what is done stays done`, async () => {
    const rig = createRig();
    const did: string[] = [];
    const before = steps(did, "a", "b", "pause", "c");
    const old = await rig.spawn({ functions: [before] });
    const id = await rig.send(pressed, { machine: "box" });
    await rig.untilLine(before, id, 'waiting "pause"');
    old.kill();
    await rig.spawn({ functions: [steps(did, ...after)] });
    await rig.untilLine(before, id, "finished ok");
    expect(did).toEqual(expected);
  });
}

/** Runs one handler without acts to its end and answers the journal's lines. */
async function ended(handler: (step: Step) => Promise<void>): Promise<string[]> {
  const rig = createRig();
  const spec = toyFunction(async ({ step }) => handler(step), { acts: [] });
  await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(spec, id, "finished");
  await rig.clock.sleep(3_600_000);
  return rig.lines(spec, id);
}

test("promise 5: a name used twice in a run is an error at once", async () => {
  let second = false;
  const lines = await ended(async (step) => {
    await step.run("same", () => 1);
    await step.run("same", () => {
      second = true;
    });
  });
  expect(lines.at(-1)).toContain('finished failed: step name "same" is used twice');
  expect(second).toBe(false);
});

test("steps go one at a time: a second one beside the first fails the run, which ends only when the first has", async () => {
  const lines = await ended(async (step) => {
    await Promise.all([step.sleep("a", "5m"), step.run("b", () => 1)]);
  });
  expect(lines.at(-1)).toContain('finished failed: step "b" began while "a" was under way');
  expect(lines.filter((line) => line.startsWith("done"))).toEqual([]);
});

test("a step that nobody waits for fails the run, and writes nothing after its end", async () => {
  const lines = await ended(async (step) => {
    void step.run("forgotten", () => new Promise<number>((resolve) => setImmediate(() => resolve(7)))).catch(() => undefined);
  });
  expect(lines.at(-1)).toContain('finished failed: step "forgotten" was begun and not waited for');
});

test("a handler that catches the end of its run cannot go on", async () => {
  const rig = createRig({ faults: { ignores: 99 } });
  let wentOn = false;
  const stubborn = toyFunction(async ({ step, ports }) => {
    await step.act("off", turn(ports.box, "off")).catch(() => undefined);
    await step
      .run("after all", () => {
        wentOn = true;
      })
      .catch(() => undefined);
  });
  await rig.spawn({ functions: [stubborn] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(stubborn, id, "parked");
  await rig.clock.sleep(600_000);
  expect(wentOn).toBe(false);
  expect((await rig.lines(stubborn, id)).at(-1)).toContain("parked");
});

const isFact = (data: unknown, is: Fact["is"]) => (data as { is?: string } | undefined)?.is === is;

for (const lost of ["started", "obliged", "intent", "outcome", "done", "cleared", "finished"] as const) {
  test(`promise 6: a lost answer to "${lost}" loses neither the run nor writes twice`, async () => {
    let losses = 1;
    const wrap = (store: EventStore) =>
      storeThrough(store, async (_, data, work) => {
        const answer = await work();
        if (isFact(data, lost) && losses-- > 0) throw new Error("the answer was lost");
        return answer;
      });
    const rig = createRig({ wrap });
    const spec = toyFunction(async ({ step, ports }) => {
      const leaves = { kind: "cordon", machine: "box", undo: "uncordon" } as const;
      await step.run("cordon", () => 1, { leaves });
      await step.act("off", turn(ports.box, "off"));
      await step.run("uncordon", () => 2, { clears: "cordon" });
    });
    await rig.spawn({ functions: [spec] });
    const id = await rig.send(pressed, { machine: "box" });
    await rig.untilLine(spec, id, "finished ok");
    const lines = await rig.lines(spec, id);
    const tries = lost === "intent" ? 2 : 1;
    expect(lines.filter((line) => line.startsWith("intent"))).toHaveLength(tries);
    expect(lines.filter((line) => line === 'done "cordon" 1')).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith("finished"))).toHaveLength(1);
    expect(lines).not.toContain("fenced");
    expect(rig.box.did.off).toBe(1);
    expect(losses).toBeLessThanOrEqual(0);
  });
}

test("promise 9: an intent that was acknowledged late is never performed; a new one is made", async () => {
  let losses = 1;
  const wrap = (store: EventStore) =>
    storeThrough(store, async (_, data, work) => {
      const answer = await work();
      if (isFact(data, "intent") && losses-- > 0) throw new Error("the answer was lost");
      return answer;
    });
  const rig = createRig({ wrap });
  await rig.spawn({ functions: [cycle] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(cycle, id, "finished ok");
  expect((await rig.lines(cycle, id)).slice(1, 5)).toEqual([
    'intent "off" force-off #1',
    'outcome "off" not-done: not performed: the intent was acknowledged late',
    'intent "off" force-off #2',
    'outcome "off" done: off',
  ]);
  expect(rig.box.writes.map((write) => write.verb)).toEqual(["force-off", "power-on"]);
});

test("promise 6: a run that is lost stops and touches nothing more", async () => {
  const rig = createRig();
  const did: string[] = [];
  const spec = toyFunction(async ({ step, ports }) => {
    await step
      .run("first", async () => {
        did.push("first");
        const [subject] = await rig.store.log.subjects("journal", ">");
        const thief: Entry = { is: "fenced", victim: "us", v: journalFormat, id: "theirs", by: "thief", at: 0 };
        await rig.store.kv.put("leases", "thief", { beat: 0 }, 0);
        await rig.store.log.append("journal", subject ?? "", thief as unknown as Json);
      })
      .catch(() => did.push("caught"));
    await step.run("second", () => void did.push("second"));
    await step.act("off", turn(ports.box, "off"));
  });
  const { worker } = await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(spec, id, "fenced");
  await worker.idle();
  expect(did).toEqual(["first", "caught"]);
  expect(rig.box.writes).toEqual([]);
  expect((await rig.lines(spec, id)).at(-1)).toBe("fenced");
  expect(await worker.office.claims.holder("box")).toMatchObject({ run: rig.run(spec, id) });
});

test("promise 6: whatever answers are lost, a journal holds each fact once and in order, and says so", async () => {
  const trouble = fc.constantFrom("fine", "lost before", "lost after");
  await fc.assert(
    fc.asyncProperty(fc.array(trouble, { maxLength: 40 }), async (troubles) => {
      const clock = createFakeTime().clock();
      const memory = createMemoryStore({ clock });
      const store = storeThrough(memory, async (call, _, work) => {
        const now = call === "append journal" ? troubles.shift() : "fine";
        if (now === "lost before") throw new Error("not sent");
        const answer = await work();
        if (now === "lost after") throw new Error("no answer");
        return answer;
      });
      const signal = new AbortController().signal;
      const journal = createJournal({ store, clock, worker: "w", run: "r", subject: "f.r", entries: [], last: 0, signal });
      for (let n = 1; n <= 8; n += 1) {
        const calm = troubles[0] === undefined || troubles[0] === "fine";
        expect(await journal.append({ is: "done", step: `${n}` })).toEqual({ clean: calm });
      }
      const { entries } = await readJournal(memory, "f.r");
      expect(entries.map((entry) => entry.is === "done" && entry.step)).toEqual(["1", "2", "3", "4", "5", "6", "7", "8"]);
      expect(journal.entries).toEqual(entries);
    }),
    { numRuns: 60 },
  );
});

test("promise 6: of two writers one is refused, also when its answer was lost, and ever after", async () => {
  const clock = createFakeTime().clock();
  const memory = createMemoryStore({ clock });
  const signal = new AbortController().signal;
  const open = (worker: string, store: EventStore = memory) =>
    createJournal({ store, clock, worker, run: "r", subject: "f.r", entries: [], last: 0, signal });
  const first = open("a");
  await first.append({ is: "done", step: "1" });
  let losing = true;
  const second = open(
    "b",
    storeThrough(memory, async (call, _, work) => {
      if (call !== "append journal" || !losing) return work();
      losing = false;
      throw new Error("not sent");
    }),
  );
  await expect(second.append({ is: "done", step: "mine" })).rejects.toBeInstanceOf(RunLostError);
  await expect(second.append({ is: "done", step: "mine" })).rejects.toBeInstanceOf(RunLostError);
  expect((await readJournal(memory, "f.r")).entries).toHaveLength(1);
});

test("promise 6: an entry that stands, with another owner's after it, is a lost run: nothing may be done on the strength of it", async () => {
  const clock = createFakeTime().clock();
  const memory = createMemoryStore({ clock });
  const signal = new AbortController().signal;
  const store = storeThrough(memory, async (call, _, work) => {
    const answer = await work();
    if (call !== "append journal") return answer;
    await memory.log.append("journal", "f.r", { is: "fenced", victim: "a", v: journalFormat, id: "theirs", by: "b", at: 0 });
    throw new Error("the answer was lost");
  });
  const journal = createJournal({ store, clock, worker: "a", run: "r", subject: "f.r", entries: [], last: 0, signal });
  await expect(journal.append({ is: "done", step: "1" })).rejects.toBeInstanceOf(RunLostError);
});

test("an ended journal takes nothing more", async () => {
  const clock = createFakeTime().clock();
  const store = createMemoryStore({ clock });
  const signal = new AbortController().signal;
  const journal = createJournal({ store, clock, worker: "w", run: "r", subject: "f.r", entries: [], last: 0, signal });
  await journal.append({ is: "finished", status: "ok" });
  await expect(journal.append({ is: "done", step: "late" })).rejects.toBeInstanceOf(RunLostError);
  expect((await readJournal(store, "f.r")).entries).toHaveLength(1);
});

test("promise 8: a journal with a newer format is declined, and the run says why", async () => {
  const rig = createRig();
  const spec = steps([], "a", "pause", "b");
  const old = await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(spec, id, "waiting");
  old.kill();
  const [subject] = await rig.store.log.subjects("journal", ">");
  const newer = { is: "done", step: "from the future", v: journalFormat + 1, id: "x", by: "newer", at: 0 };
  await rig.store.log.append("journal", subject ?? "", newer);
  const { worker } = await rig.spawn({ functions: [spec] });
  const shown = await rig.until(async () => {
    const now = await worker.runs.get(rig.run(spec, id));
    return now?.reason.includes("newer format") && now;
  });
  expect(shown).toMatchObject({ status: "waiting", reason: "no worker can take it: its journal has a newer format" });
  await rig.clock.sleep(60_000);
  expect((await rig.entries(spec, id)).at(-1)).toEqual(newer);
});

test("promise 8: a run whose function is gone is declined, and goes on when the function is back", async () => {
  const rig = createRig();
  const spec = steps([], "a", "pause", "b");
  const old = await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(spec, id, "waiting");
  old.kill();
  const without = await rig.spawn({ functions: [] });
  await rig.until(
    async () => (await without.worker.runs.get(rig.run(spec, id)))?.reason === "no worker can take it: function toy is not here",
  );
  await rig.spawn({ functions: [spec] });
  await rig.untilLine(spec, id, "finished ok");
});
