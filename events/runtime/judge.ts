import { DeniedError, explain, LightsoutError, RefusedError } from "../errors.ts";
import type { Verdict } from "../journal.ts";
import { decide } from "./approve.ts";
import { DriveEnd } from "./control.ts";
import type { Drive } from "./office.ts";
import type { Act, ActIntent, Guard, Observation } from "./spec.ts";

/** How often a held-back act asks the guards again, besides being woken. */
const recheckMs = 15_000;
/** How long a person has to answer a guard's question. */
const askMs = 24 * 3_600_000;

/** The same guards, none of which reserves anything: for what is only planned or shown. Those that cannot say without are left out. */
export const previews = (guards: readonly Guard[]): readonly Guard[] =>
  guards.flatMap((guard): Guard[] => {
    if (!guard.reserves) return [guard];
    return guard.preview ? [{ name: guard.name, check: guard.preview }] : [];
  });

/** Asks every guard. One that throws gives no answer, and no answer means wait. */
export async function askGuards(guards: readonly Guard[], intent: ActIntent): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const ask = async (guard: Guard) => {
    try {
      verdicts.push({ guard: guard.name, ...(await guard.check(intent)) });
    } catch (error) {
      // A machine that is no longer in the inventory will not come to be there by waiting.
      const gone = error instanceof LightsoutError && error.code === "LO_UNKNOWN_MACHINE";
      if (gone) verdicts.push({ guard: guard.name, says: "refuse", quarantine: true, reason: explain(error) });
      else verdicts.push({ guard: guard.name, says: "wait", reason: `no answer, so no: ${explain(error)}` });
    }
  };
  const reserving = guards.filter((item) => item.reserves);
  for (const guard of guards.filter((item) => !item.reserves)) await ask(guard);
  // What is only observed is recorded with every guard's verdict: by that it is judged whether it may do more.
  if (worst(verdicts)?.says === "observe") for (const guard of previews(reserving)) await ask(guard);
  if (verdicts.some(({ says }) => says !== "allow")) return verdicts;
  // One after the other, and none behind one that says no: what it would reserve, others could not have.
  const reserved: Guard[] = [];
  for (const guard of reserving) {
    await ask(guard);
    if (verdicts.at(-1)?.says !== "allow") {
      // A run that has done nothing yet has used nothing up.
      if (intent.first) for (const earlier of reserved) await earlier.giveBack?.(intent).catch(() => undefined);
      break;
    }
    reserved.push(guard);
  }
  return verdicts;
}

/**
 * The guards' verdict on an act, fresh. Answers the verdicts when all allow, and `undefined` after waiting for one that held it
 * back or for a person: time has passed, look at the machine again. Throws when one refuses.
 */
export async function judge(
  drive: Drive,
  step: string,
  act: Pick<Act, "machine" | "verb">,
  observed: Observation,
): Promise<readonly Verdict[] | undefined> {
  const { journal, office, control, spec } = drive;
  control.boundary();
  const verdicts = await askGuards(office.guards, intentOf(drive, step, act, observed));
  // Who takes the run over changes the ledger first: an end that arrived meanwhile comes before what the guards now say.
  control.boundary();
  const held = worst(verdicts);
  if (!held) return verdicts;
  const reason = `${held.guard}: ${held.reason}`;
  if (held.says !== "wait") await journal.append({ is: "judged", step, verdicts });
  if (held.says === "refuse") throw new GuardRefusal(`${act.verb} on ${act.machine} refused by ${reason}`, held.quarantine ?? false);
  if (held.says === "observe") {
    throw new DriveEnd({
      kind: "finish",
      status: "observed",
      reason: `would act on ${act.machine} now (${spec.acts.join(", ")}); ${reason}`,
    });
  }
  if (held.says === "ask") {
    const plan = { function: spec.id, machine: act.machine, acts: spec.acts, because: held.reason };
    const ask = `${spec.id} wants to ${act.verb} ${act.machine}. ${held.reason}`;
    const before = journal.entries.length;
    const answer = await decide(drive, `ask: ${held.guard}`, { ask, plan, withinMs: askMs });
    if (!answer.approved) throw new DeniedError(`${act.verb} on ${act.machine}: refused by ${answer.who}`);
    // A guard that asks the same again although a person agreed holds the act back.
    if (journal.entries.length === before) await control.wait(recheckMs);
    return undefined;
  }
  const last = journal.entries.at(-1);
  if (last?.is !== "waiting" || last.reason !== reason) await journal.append({ is: "waiting", step, reason, paused: true });
  drive.show({ status: "waiting", reason, step, nextWake: office.clock.now() + recheckMs });
  await control.wait(recheckMs);
  return undefined;
}

/** Whether a guard would hold the function's first act back now, without waiting, asking or recording. */
export async function wouldHold(drive: Drive, step: string): Promise<boolean> {
  const [verb] = drive.spec.acts;
  if (verb === undefined) return false;
  const intent = intentOf(drive, step, { machine: drive.name.key, verb }, { is: "not-done", seen: "under way" });
  const guards = drive.office.guards.filter((guard) => !guard.reserves);
  return worst(await askGuards(guards, intent)) !== undefined;
}

function intentOf(drive: Drive, step: string, act: Pick<Act, "machine" | "verb">, observed: Observation): ActIntent {
  const { entries } = drive.journal;
  const approved = entries.flatMap((entry) =>
    entry.is === "decided" && entry.approved && entry.step.startsWith("ask: ") ? [entry.step.slice(5)] : [],
  );
  return {
    run: drive.name.run,
    function: drive.spec,
    event: drive.event,
    step,
    machine: act.machine,
    verb: act.verb,
    first: !entries.some((entry) => entry.is === "intent" || entry.is === "obliged"),
    approved: new Set(approved),
    observed,
  };
}

/** A guard said no. With `quarantine`, the machine is left alone until a person releases it. */
class GuardRefusal extends RefusedError {
  readonly quarantine: boolean;
  constructor(message: string, quarantine: boolean) {
    super(message, { code: "LO_GUARD" });
    this.quarantine = quarantine;
  }
}

const severity = ["refuse", "observe", "wait", "ask"] as const;

function worst(verdicts: readonly Verdict[]): Verdict | undefined {
  for (const says of severity) {
    const found = verdicts.find((verdict) => verdict.says === says);
    if (found) return found;
  }
  return undefined;
}
