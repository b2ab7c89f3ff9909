import { expect, test } from "vitest";
import { type LedgerEntry, runCancelRequested, runResumeRequested, UnsupportedError } from "#events";
import { createRig, type Rig } from "./rig.ts";
import { pressed, toyFunction, turn } from "./toy.ts";

const cordon = { kind: "cordon", machine: "box", undo: "kubectl uncordon box" } as const;
const spec = toyFunction(async ({ step, ports }) => {
  await step.run("cordon", () => 1, { leaves: cordon });
  await step.act("off", turn(ports.box, "off"));
  await step.run("uncordon", () => 1, { clears: "cordon" });
});

type Word = "happened" | "did-not-happen" | "abandon";
const say = (rig: Rig, id: string, word: Word, step = "off") =>
  rig.send(runResumeRequested, { run: rig.run(spec, id), step, word }, { actor: "ana" });

/** A rig whose run has parked: the box ignored both attempts. */
async function parked(ignores = 2) {
  const rig = createRig({ faults: { ignores } });
  const life = await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(spec, id, "parked");
  await life.worker.idle();
  return { rig, id, ...life };
}

const eventsOf = async (rig: Rig, type: string) =>
  (await rig.store.log.read("events", `*.${type}.>`)).map((record) => (record.data as { data: Record<string, unknown> }).data);

test("promise 20: a parked run is announced with its undo card, and shows why it waits", async () => {
  const { rig, id, worker } = await parked();
  const undo = ["turn the box on by hand", "kubectl uncordon box"];
  const reason = "force-off did not happen in 2 attempts (last seen: on; the device had answered: 204)";
  expect(await eventsOf(rig, "run-parked")).toEqual([
    { run: rig.run(spec, id), function: "toy", machine: "box", step: "off", reason, undo },
  ]);
  const shown = await worker.runs.get(rig.run(spec, id));
  expect(shown).toMatchObject({ status: "parked", step: "off", reason, obligations: [cordon] });
  expect(shown?.nextWake).toBeUndefined();
  await rig.clock.sleep(86_400_000);
  expect(rig.box.writes).toHaveLength(2);
});

test("promise 15: a parked run keeps its machine", async () => {
  const { rig, id } = await parked();
  const second = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(spec, second, `held "claim": box is held by toy (run ${rig.run(spec, id)})`);
});

test("parked: happened stands for the observation, and the run goes on without acting again", async () => {
  const { rig, id } = await parked();
  await say(rig, id, "happened");
  await rig.untilLine(spec, id, "finished ok");
  expect((await rig.lines(spec, id)).slice(-5)).toEqual([
    'word "off" happened by ana',
    'outcome "off" done: ana says: happened',
    "cleared cordon",
    'done "uncordon" 1',
    "finished ok",
  ]);
  expect(rig.box.writes).toHaveLength(2);
});

test("parked: did-not-happen lets it try again, with all its attempts", async () => {
  const { rig, id } = await parked(3);
  await say(rig, id, "did-not-happen");
  await rig.untilLine(spec, id, "finished ok");
  expect(rig.box.writes).toHaveLength(4);
});

test("parked: a second parking needs a word of its own", async () => {
  const { rig, id } = await parked(4);
  await say(rig, id, "did-not-happen");
  await rig.until(() => rig.box.writes.length === 4);
  await rig.clock.sleep(600_000);
  expect((await rig.lines(spec, id)).at(-1)).toContain("parked");
  await say(rig, id, "happened");
  await rig.untilLine(spec, id, "finished ok");
});

test("parked: abandon ends the run as cancelled, and what it left quarantines the machine", async () => {
  const { rig, id, worker } = await parked();
  await say(rig, id, "abandon");
  await rig.untilLine(spec, id, "finished cancelled: abandoned by ana");
  await worker.idle();
  expect((await worker.office.ledger.of("box")).quarantine?.reason).toBe("toy ended cancelled: abandoned by ana");
});

test("parked: a word for another step, or a second word, is not heard", async () => {
  const { rig, id } = await parked(9);
  await say(rig, id, "happened", "uncordon");
  await rig.clock.sleep(60_000);
  expect((await rig.lines(spec, id)).at(-1)).toContain("parked");
  await say(rig, id, "did-not-happen");
  await say(rig, id, "happened");
  await rig.until(() => rig.box.writes.length === 4);
  await rig.clock.sleep(600_000);
  const lines = await rig.lines(spec, id);
  expect(lines.filter((line) => line.startsWith("word"))).toEqual(['word "off" did-not-happen by ana']);
  expect(lines.at(-1)).toContain("parked");
});

test("parked: a word given while no worker ran is heard by the next, once", async () => {
  const { rig, id, kill } = await parked();
  kill();
  await say(rig, id, "happened");
  await rig.clock.sleep(600_000);
  await rig.spawn({ functions: [spec] });
  await rig.spawn({ functions: [spec] });
  await rig.untilLine(spec, id, "finished ok");
  expect((await rig.lines(spec, id)).filter((line) => line.startsWith("word"))).toHaveLength(1);
});

test("parked: a word given at the moment of parking is heard", async () => {
  for (let turns = 0; turns < 60; turns += 3) {
    const rig = createRig({ faults: { ignores: 2 } });
    const id = await rig.send(pressed, { machine: "box" });
    // Only microtasks separate the word from the parking, one more in every round.
    await rig.store.log.follow("journal", ">", 0, async ({ data }) => {
      if ((data as { is?: string }).is !== "parked") return;
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      await say(rig, id, "happened");
    });
    await rig.spawn({ functions: [spec] });
    await rig.untilLine(spec, id, "finished ok");
    expect((await rig.lines(spec, id)).filter((line) => line.startsWith("word"))).toHaveLength(1);
  }
});

test("parked: cancelling ends it there", async () => {
  const { rig, id } = await parked();
  await rig.send(runCancelRequested, { run: rig.run(spec, id) }, { actor: "ana" });
  await rig.untilLine(spec, id, "finished cancelled: by ana");
});

/** What the ledger says of the box after a run of this handler has ended. */
async function after(handler: Parameters<typeof toyFunction>[0], options: Parameters<typeof toyFunction>[1] = {}) {
  const rig = createRig();
  const leaving = toyFunction(handler, options);
  const { worker } = await rig.spawn({ functions: [leaving] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(leaving, id, "finished");
  await worker.idle();
  const { left, quarantine }: LedgerEntry = await worker.office.ledger.of("box");
  return {
    left: left?.obligations,
    quarantine: quarantine?.reason,
    told: await eventsOf(rig, "machine-quarantined"),
    run: rig.run(leaving, id),
  };
}

test("promise 18: a run that ends with something of its own still standing quarantines the machine and says how to undo it", async () => {
  const { left, quarantine, told, run } = await after(async ({ step }) => void (await step.run("cordon", () => 1, { leaves: cordon })));
  expect(left).toEqual([cordon]);
  expect(quarantine).toBe("toy ended ok: ok");
  expect(told).toEqual([{ machine: "box", reason: "toy ended ok: ok", run, undo: ["kubectl uncordon box"] }]);
});

test("promise 18: what it leaves on purpose when it ends well is for the next run, without a quarantine", async () => {
  const handler: Parameters<typeof toyFunction>[0] = async ({ step }) => void (await step.run("cordon", () => 1, { leaves: cordon }));
  expect(await after(handler, { keeps: ["cordon"] })).toMatchObject({ left: [cordon], quarantine: undefined, told: [] });
  const failing: typeof handler = async (context) => {
    await handler(context);
    throw new Error("gave up");
  };
  expect(await after(failing, { keeps: ["cordon"] })).toMatchObject({ left: [cordon], quarantine: "toy ended failed: gave up" });
});

test("promise 18: what was taken back is not left", async () => {
  const done = await after(async ({ step }) => {
    await step.run("cordon", () => 1, { leaves: cordon });
    await step.run("uncordon", () => 1, { clears: "cordon" });
  });
  expect(done).toMatchObject({ left: undefined, quarantine: undefined, told: [] });
});

test("promise 18: what people set is never ours to take back: a machine cordoned before us stays cordoned", async () => {
  const handler: Parameters<typeof toyFunction>[0] = async ({ step }) => {
    await step.run("cordon", () => ({ wasCordoned: true }), { leaves: cordon, leftNothing: (result) => result.wasCordoned });
  };
  expect(await after(handler)).toMatchObject({ left: undefined, quarantine: undefined, told: [] });
});

test("promise 18: an act that was refused before anything was sent leaves nothing, and quarantines nothing", async () => {
  const override = { kind: "boot-override", machine: "box", undo: "ipmitool chassis bootdev none" } as const;
  const perform = async (): Promise<never> => {
    throw new UnsupportedError("box", "boot-once", "no network boot");
  };
  const ended = await after(async ({ step, ports }) => void (await step.act("arm", turn(ports.box, "off", { leaves: override, perform }))));
  expect(ended).toMatchObject({ left: undefined, quarantine: undefined, told: [] });
  const twice = await after(async ({ step, ports }) => {
    await step.run("armed before", () => 1, { leaves: override });
    await step.act("arm", turn(ports.box, "off", { leaves: override, perform }));
  });
  expect(twice).toMatchObject({ left: [override], quarantine: expect.stringContaining("no network boot") });
});

test("promise 18: an obligation stands before the work that may set it: a crash in between leaves it standing", async () => {
  const rig = createRig();
  let kill: () => void = () => undefined;
  const dying = toyFunction(async ({ step }) => {
    await step.run("cordon", () => kill(), { leaves: cordon });
  });
  const first = await rig.spawn({ functions: [dying] });
  kill = first.kill;
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(dying, id, "obliged");
  await rig.send(runCancelRequested, { run: rig.run(dying, id) }, { actor: "ana" });
  const { worker } = await rig.spawn({ functions: [dying] });
  await rig.untilLine(dying, id, "finished cancelled");
  await worker.idle();
  expect((await worker.office.ledger.of("box")).left?.obligations).toEqual([cordon]);
});
