import { expect, test } from "vitest";
import { approvalDecided, type Json } from "#events";
import { createRig, type Rig } from "./rig.ts";
import { pressed, toyFunction } from "./toy.ts";

interface Question {
  readonly run: string;
  readonly step: string;
  readonly nonce: string;
  readonly digest: string;
  readonly ask: string;
  readonly plan: Json;
  readonly from: string;
}

const asking = (plan: () => Json = () => ({ wipe: "sda" })) =>
  toyFunction(
    async ({ step }) => {
      const { by } = await step.approve("wipe", { ask: "Wipe sda?", plan: plan(), within: "2h" });
      await step.run("approved", () => by);
    },
    { acts: [] },
  );

async function asked(rig: Rig, skip = 0): Promise<Question> {
  const record = await rig.until(async () => (await rig.store.log.read("events", "*.approval-requested.>"))[skip]);
  return (record.data as { data: Json }).data as unknown as Question;
}

const decide = (rig: Rig, question: Question, change: Partial<Question> & { approve?: boolean; note?: string } = {}, actor = "ana") => {
  const { run, step, nonce, digest } = question;
  const { approve = true, ...rest } = change;
  return rig.send(approvalDecided, { run, step, nonce, digest, approve, ...rest }, { actor });
};

test("step.approve: a person decides on exactly what was shown, and the run learns who", async () => {
  const rig = createRig();
  const spec = asking();
  await rig.spawn({ functions: [spec], approvers: "storage people" });
  const id = await rig.send(pressed, { machine: "box" });
  const question = await asked(rig);
  expect(question).toMatchObject({ run: rig.run(spec, id), step: "wipe", ask: "Wipe sda?", plan: { wipe: "sda" }, from: "storage people" });
  await decide(rig, question);
  await rig.untilLine(spec, id, "finished ok");
  expect(await rig.lines(spec, id)).toContain('done "approved" "ana"');
});

test("step.approve: a decision that names another run, step, nonce or plan is not for this question", async () => {
  const rig = createRig();
  const spec = asking();
  await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  const question = await asked(rig);
  for (const forged of [{ run: "another" }, { step: "another" }, { nonce: "guessed" }, { digest: "0000000000000000" }]) {
    await decide(rig, question, forged, "mallory");
  }
  await rig.clock.sleep(60_000);
  expect((await rig.lines(spec, id)).at(-1)).toBe('asked "wipe": Wipe sda?');
  await decide(rig, question, { approve: false, note: "not on Fridays" });
  await rig.untilLine(spec, id, "finished denied: wipe: refused by ana: not on Fridays");
});

test("step.approve: the first decision stands", async () => {
  const rig = createRig();
  const spec = asking();
  await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  const question = await asked(rig);
  await decide(rig, question, { approve: false }, "ana");
  await decide(rig, question, { approve: true }, "ben");
  await rig.untilLine(spec, id, "finished denied: wipe: refused by ana");
});

test("step.approve: silence until the deadline denies", async () => {
  const rig = createRig();
  const spec = asking();
  await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  await asked(rig);
  const from = rig.clock.mono();
  await rig.untilLine(spec, id, "finished denied: wipe: refused by nobody: no answer in time");
  expect(rig.clock.mono() - from).toBeGreaterThanOrEqual(7_190_000);
});

test("step.approve: an answer after the deadline is no answer, also when nobody was there to see the deadline pass", async () => {
  const rig = createRig();
  const spec = asking();
  const first = await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  const question = await asked(rig);
  await rig.untilLine(spec, id, "asked");
  first.kill();
  await rig.clock.sleep(3 * 3_600_000);
  await decide(rig, question);
  await rig.spawn({ functions: [spec] });
  await rig.untilLine(spec, id, "finished denied: wipe: refused by nobody: no answer in time");
});

test("step.approve: an answer in time counts, whoever reads it and whenever, and the question keeps its nonce", async () => {
  const rig = createRig();
  const spec = asking();
  const first = await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  const question = await asked(rig);
  first.kill();
  await decide(rig, question);
  await rig.clock.sleep(3 * 3_600_000);
  await rig.spawn({ functions: [spec], clock: rig.time.clock({ wallOffsetMs: 600_000 }) });
  await rig.untilLine(spec, id, "finished ok");
  expect((await rig.lines(spec, id)).filter((line) => line.startsWith("asked"))).toHaveLength(1);
});

test("step.approve: a plan that changed is a new question: the old approval is not for it", async () => {
  const rig = createRig();
  let disk = "sda";
  const spec = asking(() => ({ wipe: disk }));
  const first = await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  const old = await asked(rig);
  first.kill();
  disk = "sdb";
  await decide(rig, old);
  await rig.spawn({ functions: [spec] });
  const fresh = await asked(rig, 1);
  expect(fresh.plan).toEqual({ wipe: "sdb" });
  expect(fresh.nonce).not.toBe(old.nonce);
  expect((await rig.lines(spec, id)).at(-1)).toContain("asked");
  await decide(rig, fresh);
  await rig.untilLine(spec, id, "finished ok");
});

test("timeouts do not count the time that people take, nor after a change of owner", async () => {
  const rig = createRig();
  const spec = { ...asking(), timeout: "10m" as const };
  const first = await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  const question = await asked(rig);
  await rig.clock.sleep(1_800_000);
  first.kill();
  await rig.spawn({ functions: [spec] });
  await rig.untilLine(spec, id, "fenced");
  await rig.clock.sleep(1_800_000);
  await decide(rig, question);
  await rig.untilLine(spec, id, "finished ok");
});
