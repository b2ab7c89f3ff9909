import { createHash, randomUUID } from "node:crypto";
import { approvalDecided, approvalRequested } from "../catalogue/approval.ts";
import { stableId } from "../define-event.ts";
import { DeniedError } from "../errors.ts";
import type { Entry, Fact } from "../journal.ts";
import { canonical, type Json } from "../json.ts";
import type { Drive } from "./office.ts";
import type { Pass } from "./pass.ts";
import { patiently } from "./waits.ts";

/** The digest of a plan: a decision counts for exactly the plan that was shown. */
const planDigest = (plan: Json): string => createHash("sha256").update(canonical(plan)).digest("hex").slice(0, 16);

interface Question {
  readonly ask: string;
  readonly plan: Json;
  readonly from?: string;
  readonly withinMs: number;
}

/** `step.approve`: asks once, waits, and answers who agreed. Refusal and timeout throw `DeniedError`. */
export async function approveStep(pass: Pass, step: string, question: Question): Promise<{ by: string }> {
  const decided = await decide(pass.drive, step, question);
  if (!decided.approved) throw new DeniedError(`${step}: refused by ${decided.who}${decided.note ? `: ${decided.note}` : ""}`);
  if (!pass.done(step)) await pass.record(step, { by: decided.who });
  return { by: decided.who };
}

type Asked = Extract<Entry, { is: "asked" }>;
type Decided = Extract<Fact, { is: "decided" }>;

/**
 * Asks a person and waits for the decision. Bound to run, step, nonce and the digest of the plan: a decision that names
 * another of them is not for this question.
 */
export async function decide(drive: Drive, step: string, question: Question): Promise<Decided> {
  const { journal, office } = drive;
  const digest = planDigest(question.plan);
  const before = journal.entries.find((entry) => entry.is === "decided" && entry.step === step && entry.digest === digest);
  if (before?.is === "decided") return before;

  const asked = findAsked(drive, step, digest) ?? (await ask(drive, step, digest, question));
  const { nonce, plan, from, until } = asked;
  await patiently(drive, () =>
    office.bus.publish(
      approvalRequested,
      { run: drive.name.run, step, nonce, digest, ask: asked.ask, plan: plan as never, from, until: new Date(until).toISOString() },
      { id: stableId("asked", drive.name.run, step, nonce), source: `lightsout/${office.site}/run/${drive.name.run}` },
    ),
  );
  drive.show({ status: "asking", reason: asked.ask, step, nextWake: until });
  const decided = await answer(drive, asked, question.withinMs);
  await journal.append(decided);
  return decided;
}

const findAsked = (drive: Drive, step: string, digest: string) =>
  drive.journal.entries.findLast((entry): entry is Asked => entry.is === "asked" && entry.step === step && entry.digest === digest);

async function ask(drive: Drive, step: string, digest: string, question: Question): Promise<Extract<Fact, { is: "asked" }>> {
  const { bus, clock, approvers } = drive.office;
  const asked = {
    is: "asked",
    step,
    nonce: randomUUID(),
    digest,
    ask: question.ask,
    plan: question.plan,
    from: question.from ?? approvers,
    until: clock.now() + question.withinMs,
    position: await patiently(drive, () => bus.position()),
  } as const;
  await drive.journal.append(asked);
  return asked;
}

/** The first decision on exactly this question; silence until the deadline is a refusal, whatever comes later and whoever reads it then. */
async function answer(drive: Drive, asked: Extract<Fact, { is: "asked" }>, withinMs: number): Promise<Decided> {
  const { bus, clock } = drive.office;
  const { step, nonce, digest, until } = asked;
  const end = clock.mono() + Math.min(Math.max(0, until - clock.now()), withinMs);
  const requests = await patiently(drive, () => bus.since(approvalRequested, drive.name.run, asked.position));
  const request = requests.find(({ event }) => event.data.nonce === nonce);
  // Both dated by the store, so that no worker's clock decides whether an answer came in time.
  const inTime = (received: number) => request !== undefined && received <= request.received + withinMs;
  for (;;) {
    const answers = await patiently(drive, () => bus.since(approvalDecided, drive.name.run, asked.position));
    const mine = answers.find(
      ({ event: { data }, received }) => data.step === step && data.nonce === nonce && data.digest === digest && inTime(received),
    );
    if (mine) {
      const { approve, note } = mine.event.data;
      const who = mine.event.lsactor ?? mine.event.source;
      return { is: "decided", step, digest, approved: approve, who, ...(note === undefined ? {} : { note }) };
    }
    if (clock.mono() >= end) return { is: "decided", step, digest, approved: false, who: "nobody: no answer in time" };
    await drive.control.wait(end - clock.mono());
    drive.control.boundary();
  }
}
