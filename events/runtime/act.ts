import { milliseconds } from "../duration.ts";
import { explain, LightsoutError } from "../errors.ts";
import { type Entry, type Fact, openObligations } from "../journal.ts";
import { DriveEnd } from "./control.ts";
import { judge } from "./judge.ts";
import type { Drive } from "./office.ts";
import { gateDeadlineMs, notPerformed, perform } from "./perform.ts";
import type { Act, ActOutcome, Observation } from "./spec.ts";
import { undoCard } from "./undo.ts";
import { limited } from "./waits.ts";

interface Times {
  readonly settleMs: number;
  readonly timeoutMs: number;
  readonly everyMs: number;
}

type Intent = Extract<Fact, { is: "intent" }>;
type Outcome = Extract<Fact, { is: "outcome" }>;

/**
 * `step.act`: intent, perform, outcome. Never issued again until an observation has shown that it did not happen;
 * what cannot be known parks the run.
 */
export async function actStep(drive: Drive, step: string, act: Act, attempts: number): Promise<ActOutcome> {
  const times = checked(drive, step, act);
  await heed(drive, step);
  const settled = latest(drive, step, "outcome");
  if (settled?.result === "done" || settled?.result === "already") return { result: settled.result, seen: settled.seen };

  await settleOpenIntent(drive, step, act, times);
  for (;;) {
    const last = latest(drive, step, "outcome");
    if (last?.result === "done" || last?.result === "already") return recorded(drive, last);
    if (last?.result === "cannot-tell") return park(drive, step, act, `${act.verb}: it cannot be known whether it happened (${last.seen})`);
    const tried = attemptsOf(drive, step);
    if (tried >= attempts)
      return park(drive, step, act, `${act.verb} did not happen in ${tried} attempts (last seen: ${last?.seen ?? "nothing"})`);
    await attempt(drive, step, act, times);
  }
}

function checked(drive: Drive, step: string, act: Act): Times {
  const { spec, name } = drive;
  const times = {
    settleMs: milliseconds(act.settle),
    timeoutMs: milliseconds(act.timeout ?? "20s"),
    everyMs: milliseconds(act.every ?? "2s"),
  };
  const least = gateDeadlineMs + times.timeoutMs + milliseconds(act.latency ?? "5s");
  if (times.settleMs < least) {
    throw new LightsoutError(
      "LO_SETTLE",
      `step "${step}": settle ${act.settle} is shorter than gate deadline + timeout + latency (${least / 1000} s)`,
      {
        hint: "A frozen worker could act after its successor has looked: raise settle",
      },
    );
  }
  if (!spec.acts.includes(act.verb)) {
    throw new LightsoutError("LO_ACT_UNDECLARED", `step "${step}": function ${spec.id} does not declare the act ${act.verb}`, {
      hint: `Add "${act.verb}" to its acts`,
    });
  }
  if (act.machine !== name.key) {
    throw new LightsoutError("LO_ACT_FOREIGN", `step "${step}" acts on ${act.machine}, but this run holds ${name.key}`, {
      hint: "Emit an event for the other machine instead",
    });
  }
  return times;
}

type Is = Fact["is"];

/** The newest entry of this kind that is about the step. */
function latest<Kind extends Is>(drive: Drive, step: string, ...kinds: Kind[]): Extract<Entry, { is: Kind }> | undefined {
  return drive.journal.entries.findLast(
    (entry): entry is Extract<Entry, { is: Kind }> => kinds.includes(entry.is as Kind) && "step" in entry && entry.step === step,
  );
}

const intentsOf = (drive: Drive, step: string) =>
  drive.journal.entries.filter((entry) => entry.is === "intent" && entry.step === step).length;

/** Attempts since a person last said to try again. */
function attemptsOf(drive: Drive, step: string): number {
  const { entries } = drive.journal;
  const from = entries.findLastIndex((entry) => entry.is === "word" && entry.step === step);
  return entries.slice(from + 1).filter((entry) => entry.is === "intent" && entry.step === step).length;
}

/** A person's word on a parked act stands for the observation that nobody could make. */
async function heed(drive: Drive, step: string): Promise<void> {
  const word = latest(drive, step, "intent", "outcome", "parked", "word");
  if (word?.is !== "word") return;
  if (word.word === "abandon") throw new DriveEnd({ kind: "finish", status: "cancelled", reason: `abandoned by ${word.who}` });
  const is = word.word === "happened" ? "done" : "not-done";
  await outcome(drive, { step, attempt: intentsOf(drive, step) }, { is, seen: `${word.who} says: ${word.word}` });
}

function recorded(drive: Drive, outcome: Outcome): ActOutcome {
  if (drive.office.replay) throw new DriveEnd({ kind: "replay" });
  return { result: outcome.result === "already" ? "already" : "done", seen: outcome.seen };
}

/**
 * An intent without an outcome: we, or the worker before us, may have acted. Wait a full settle on our own clock, look, and
 * record; never perform.
 */
async function settleOpenIntent(drive: Drive, step: string, act: Act, times: Times): Promise<void> {
  const intent = latest(drive, step, "intent", "outcome");
  if (intent?.is !== "intent") return;
  await drive.journal.append({ is: "resumed", step, attempt: intent.attempt });
  drive.show({
    status: "waiting",
    reason: `${intent.verb} may have been sent before the restart: waiting until it must have shown`,
    step,
    nextWake: drive.office.clock.now() + times.settleMs,
  });
  await undisturbed(drive, times.settleMs);
  await outcome(drive, intent, await observe(drive, act.observe, times));
}

async function attempt(drive: Drive, step: string, act: Act, times: Times): Promise<void> {
  const number = intentsOf(drive, step) + 1;
  const before = await clearView(drive, step, act, times);
  drive.control.boundary();
  const verdicts = await judge(drive, step, act, before);
  if (!verdicts) return;
  if (before.is === "done") {
    const position = await undisturbedPosition(drive);
    // After an attempt of ours nobody can say that it was so without us.
    const result = number === 1 ? "already" : "done";
    await drive.journal.append({ is: "outcome", step, attempt: number, result, seen: before.seen, position });
    return;
  }
  const { leaves } = act;
  const fresh = leaves && !openObligations(drive.journal.entries).some((open) => open.kind === leaves.kind);
  if (leaves) await drive.journal.append({ is: "obliged", obligation: leaves });
  drive.control.boundary();

  const { clock } = drive.office;
  const started = { mono: clock.mono(), wall: clock.now() };
  const intent: Intent = {
    is: "intent",
    step,
    attempt: number,
    machine: act.machine,
    verb: act.verb,
    settleMs: times.settleMs,
    before: before.seen,
    verdicts,
  };
  const { clean } = await drive.journal.append(intent);
  drive.show({ status: "running", reason: `${act.verb} on ${act.machine}`, step, nextWake: started.wall + times.settleMs });

  const answer = clean ? await perform(drive, act, { timeoutMs: times.timeoutMs, attempt: number, started }) : notPerformed;
  if (answer.effect === "none") {
    await outcome(drive, intent, { is: "not-done", seen: answer.seen });
    // Nothing reached the device, so nothing of ours stands there.
    if (fresh) await drive.journal.append({ is: "cleared", kind: leaves.kind });
    if (answer.refused) throw answer.refused;
    return;
  }
  await outcome(drive, intent, await settle(drive, act, times, started.mono, answer.seen));
  if (leaves && act.leftNothing?.(answer.seen)) await drive.journal.append({ is: "cleared", kind: leaves.kind });
}

/** Looks until it is done or the settle time (from before the intent) is over; then what is seen decides. */
async function settle(drive: Drive, act: Act, times: Times, startedMono: number, answer: string): Promise<Observation> {
  const { clock } = drive.office;
  for (;;) {
    const seen = await observe(drive, act.observe, times);
    if (seen.is === "done") return seen;
    const left = startedMono + times.settleMs - clock.mono();
    if (left <= 0) return { is: seen.is, seen: `${seen.seen}; the device had answered: ${answer}` };
    drive.show({ status: "running", reason: `${act.verb} sent; seen: ${seen.seen}`, nextWake: clock.now() + times.everyMs });
    await undisturbed(drive, Math.min(times.everyMs, left));
  }
}

/** The state before: looks until it is clear, at most one settle long. What stays unclear is asked about. */
async function clearView(drive: Drive, step: string, act: Act, times: Times): Promise<Observation> {
  const { clock } = drive.office;
  const end = clock.mono() + times.settleMs;
  for (;;) {
    const seen = await observe(drive, act.before ?? act.observe, times);
    if (seen.is !== "cannot-tell") return seen;
    if (act.patient) await noteWait(drive, step, `${act.verb}: cannot tell yet: ${seen.seen}`);
    else if (clock.mono() >= end)
      return park(drive, step, act, `the state of ${act.machine} cannot be read: ${seen.seen}. Nothing was done`);
    drive.show({ status: "waiting", reason: `${act.verb}: cannot tell yet: ${seen.seen}`, step, nextWake: clock.now() + times.everyMs });
    await drive.control.wait(times.everyMs);
    drive.control.boundary();
  }
}

/** Notes once what the run waits for; such time does not count as work. */
async function noteWait(drive: Drive, step: string, reason: string): Promise<void> {
  const last = drive.journal.entries.at(-1);
  if (last?.is !== "waiting" || last.step !== step) await drive.journal.append({ is: "waiting", step, reason, paused: true });
}

async function observe(drive: Drive, look: Act["observe"], times: Times): Promise<Observation> {
  try {
    return await drive.office.slots.with(drive.spec.on.lane, () => limited(drive, times.timeoutMs, look));
  } catch (error) {
    return { is: "cannot-tell", seen: explain(error) };
  }
}

async function outcome(drive: Drive, intent: { step: string; attempt: number }, seen: Observation): Promise<void> {
  const position = await undisturbedPosition(drive);
  await drive.journal.append({ is: "outcome", step: intent.step, attempt: intent.attempt, result: seen.is, seen: seen.seen, position });
  if (seen.is === "not-done") await drive.control.wait(1000);
}

/** The events' position, asked until the store answers; nothing but a stop of the worker may come between an act and its outcome. */
async function undisturbedPosition(drive: Drive): Promise<number> {
  for (;;) {
    try {
      return await drive.office.bus.position();
    } catch {
      if (drive.control.stopping) throw new DriveEnd({ kind: "stopped" });
      await undisturbed(drive, 1000);
    }
  }
}

/** Stops and asks a person, with the card that tells how to undo by hand. A word given meanwhile is acted on at once. */
async function park(drive: Drive, step: string, act: Act, reason: string): Promise<never> {
  const position = await undisturbedPosition(drive);
  await drive.journal.append({ is: "parked", step, reason, undo: undoCard(drive, act), position });
  throw new DriveEnd({ kind: "parked" });
}

/** Waits on our own clock; between an intent and its outcome only a stop of the worker ends it. */
async function undisturbed(drive: Drive, ms: number): Promise<void> {
  const { clock } = drive.office;
  await clock.sleep(ms, drive.control.signal).catch(() => undefined);
  if (drive.control.signal.aborted) throw new DriveEnd({ kind: "stopped" });
}
