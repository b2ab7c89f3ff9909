import { expect, test } from "vitest";
import { type ActIntent, approvalDecided, type Guard } from "#events";
import { createRig, type Rig } from "./rig.ts";
import { cycle, pressed, says, toyFunction, turn } from "./toy.ts";

const allow = { says: "allow", reason: "" } as const;
const off = toyFunction(async ({ step, ports }) => void (await step.act("off", turn(ports.box, "off"))));

/** Decides the next question that a run asks. */
async function answer(rig: Rig, approve: boolean, skip = 0): Promise<string> {
  const record = await rig.until(async () => (await rig.store.log.read("events", "*.approval-requested.>"))[skip]);
  const asked = (record.data as { data: { run: string; step: string; nonce: string; digest: string; ask: string } }).data;
  const { run, step, nonce, digest, ask } = asked;
  await rig.send(approvalDecided, { run, step, nonce, digest, approve }, { actor: "ana" });
  return ask;
}

test("promise 14: guards are asked before every act, and again for every attempt", async () => {
  const rig = createRig({ faults: { ignores: 1 } });
  const asked: string[] = [];
  const counting = async (intent: ActIntent) => {
    asked.push(`${intent.verb} ${intent.first ? "first" : "later"} seen ${intent.observed.seen}`);
    return allow;
  };
  await rig.spawn({ functions: [cycle], guards: [{ name: "counting", check: counting }] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(cycle, id, "finished ok");
  expect(asked).toEqual(["force-off first seen on", "force-off later seen on", "power-on later seen off"]);
});

test("promise 14: the verdicts that let an act through stand in its intent", async () => {
  const rig = createRig();
  await rig.spawn({ functions: [off], guards: [says("calm", async () => ({ says: "allow", reason: "no storm" }))] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(off, id, "finished ok");
  const intent = (await rig.entries(off, id)).find((entry) => entry.is === "intent");
  expect(intent).toMatchObject({ before: "on", verdicts: [{ guard: "calm", says: "allow", reason: "no storm" }] });
});

test("promise 14: a guard that throws gives no answer, and no answer means wait", async () => {
  const rig = createRig();
  let broken = true;
  const shaky = says("shaky", async () => {
    if (broken) throw new Error("the store is away");
    return allow;
  });
  await rig.spawn({ functions: [off], guards: [shaky] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(off, id, "held");
  expect((await rig.lines(off, id)).at(-1)).toBe('held "off": shaky: no answer, so no: the store is away');
  await rig.clock.sleep(3_600_000);
  expect(rig.box.writes).toEqual([]);
  broken = false;
  await rig.untilLine(off, id, "finished ok");
});

test("promise 14: what was seen before a long wait is not trusted after it: the machine is looked at again", async () => {
  const rig = createRig();
  let open = false;
  const slow = says("slow", async () => (open ? allow : { says: "wait", reason: "storm" }));
  await rig.spawn({ functions: [off], guards: [slow] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(off, id, "held");
  rig.box.state = "off";
  await rig.clock.sleep(3_600_000);
  open = true;
  await rig.untilLine(off, id, "finished ok");
  expect(rig.box.writes).toEqual([]);
  expect((await rig.lines(off, id)).at(-2)).toBe('outcome "off" already: off');
});

test("promise 14: a freeze that is released, or a run that ends, lets held acts look again at once", async () => {
  const rig = createRig();
  let open = false;
  const { worker } = await rig.spawn({
    functions: [off],
    guards: [says("frozen", async () => (open ? allow : { says: "wait", reason: "frozen" }))],
  });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(off, id, "held");
  await rig.clock.sleep(1000);
  open = true;
  const at = rig.clock.now();
  await worker.accept({ type: "freeze-released", data: {}, origin: "operator", source: "cli" });
  await rig.untilLine(off, id, "intent");
  expect((await rig.entries(off, id)).find((entry) => entry.is === "intent")?.at).toBe(at);
});

test("promise 14: a refusal ends the run before anything is sent; where it asks for it, the machine is quarantined", async () => {
  for (const quarantine of [false, true]) {
    const rig = createRig();
    const { worker } = await rig.spawn({
      functions: [off],
      guards: [says("budget", async () => ({ says: "refuse", reason: "used up", quarantine }))],
    });
    const id = await rig.send(pressed, { machine: "box" });
    await rig.untilLine(off, id, "finished refused: force-off on box refused by budget: used up");
    await worker.idle();
    expect(rig.box.writes).toEqual([]);
    const ledger = await worker.office.ledger.of("box");
    expect(ledger.quarantine?.reason).toBe(quarantine ? "toy ended refused: force-off on box refused by budget: used up" : undefined);
    expect(await rig.store.log.subjects("events", "*.machine-quarantined.>")).toHaveLength(quarantine ? 1 : 0);
  }
});

test("promise 14: a refusal comes before every other verdict, and observing before waiting and asking", async () => {
  const rig = createRig();
  const guards = (["allow", "ask", "wait", "observe", "refuse"] as const).map((verdict) =>
    says(verdict, async () => ({ says: verdict, reason: verdict })),
  );
  for (const [count, end] of [
    [5, "finished refused"],
    [4, "finished observed: would act on box now (power-on, force-off); observe: observe"],
  ] as const) {
    const { worker } = await rig.spawn({ functions: [off], guards: guards.slice(0, count) });
    const id = await rig.send(pressed, { machine: "box" });
    await rig.untilLine(off, id, end);
    await worker.stop();
  }
  expect(rig.box.writes).toEqual([]);
});

test("promise 14: a guard that asks needs a person once per run, and what they approved is told to the guards", async () => {
  const rig = createRig();
  const trust = async ({ approved }: ActIntent) => (approved.has("trust") ? allow : ({ says: "ask", reason: "trust is ask" } as const));
  await rig.spawn({ functions: [cycle], guards: [{ name: "trust", check: trust }] });
  const id = await rig.send(pressed, { machine: "box" });
  expect(await answer(rig, true)).toBe("toy wants to force-off box. trust is ask");
  await rig.untilLine(cycle, id, "finished ok");
  expect(await rig.store.log.read("events", "*.approval-requested.>")).toHaveLength(1);
  expect(await rig.lines(cycle, id)).toContain('decided "ask: trust" approved by ana');
});

test("promise 14: a person who refuses ends the run as denied", async () => {
  const rig = createRig();
  await rig.spawn({ functions: [off], guards: [says("trust", async () => ({ says: "ask", reason: "trust is ask" }))] });
  const id = await rig.send(pressed, { machine: "box" });
  await answer(rig, false);
  await rig.untilLine(off, id, "finished denied: force-off on box: refused by ana");
  expect(rig.box.writes).toEqual([]);
});

test("a guard that asks the same again although a person agreed holds the act back", async () => {
  const rig = createRig();
  let checks = 0;
  const deaf = says("deaf", async () => {
    checks += 1;
    return { says: "ask", reason: "always" };
  });
  await rig.spawn({ functions: [off], guards: [deaf] });
  await rig.send(pressed, { machine: "box" });
  await answer(rig, true);
  await rig.clock.sleep(600_000);
  expect(checks).toBeLessThan(60);
  expect(rig.box.writes).toEqual([]);
});

test("promise 14: what is reserved is asked for last, and only when every other guard allows", async () => {
  const rig = createRig();
  const order: string[] = [];
  let open = false;
  const note = (name: string, more: Partial<Guard> = {}): Guard => ({
    name,
    check: async () => {
      order.push(name);
      return name !== "storm" || open ? allow : { says: "wait", reason: "storm" };
    },
    ...more,
  });
  await rig.spawn({ functions: [off], guards: [note("budget", { reserves: true }), note("storm"), note("quorum")] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(off, id, "held");
  await rig.clock.sleep(1000);
  expect([...new Set(order)]).toEqual(["storm", "quorum"]);
  order.length = 0;
  open = true;
  await rig.untilLine(off, id, "finished ok");
  expect(order).toEqual(["storm", "quorum", "budget"]);
});

test("promise 14: guards are asked anew by the worker that takes over: nothing is remembered", async () => {
  const rig = createRig();
  const asked: string[] = [];
  const by = (name: string, says: "allow" | "wait"): Guard => ({
    name: "who",
    check: async ({ verb }) => {
      asked.push(`${name} ${verb}`);
      return { says, reason: name };
    },
  });
  const first = await rig.spawn({ functions: [off], guards: [by("first", "wait")] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(off, id, "held");
  first.kill();
  await rig.spawn({ functions: [off], guards: [by("second", "allow")] });
  await rig.untilLine(off, id, "finished ok");
  expect(asked.at(-1)).toBe("second force-off");
});
