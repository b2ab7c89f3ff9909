import type { PlannedRun } from "#adapters/http/port.ts";
import { builtinEvents } from "#events";
import { type Exit, exitCodes } from "./exit-codes.ts";
import { verdictText } from "./journal.ts";
import type { Shell } from "./shell.ts";
import { paint } from "./text.ts";
import { watch } from "./watch.ts";

/** What the API answers when it let something in. */
export interface Accepted {
  readonly id: string;
  readonly runs: readonly string[];
  readonly repeated: boolean;
}

/** Whether an event of this type does its work by being accepted: a hold, a freeze, a decision. */
const actsAtOnce = (type: string | undefined): boolean => builtinEvents.some((event) => event.type === type && event.origin === "operator");

/**
 * Tells what follows from an event, and with `wait` goes along until it has finished or waits for a person.
 *
 * @param options.type the event's, where `what` does not say it
 * @param options.asks what a person will be asked
 */
export async function tell(
  shell: Shell,
  what: string,
  accepted: Accepted,
  options: { wait?: boolean | undefined; type?: string; asks?: string } = {},
): Promise<Exit> {
  const { runs, repeated } = accepted;
  const atOnce = actsAtOnce(options.type);
  const lines = [
    `${repeated ? "Known already" : "Accepted"}: ${what} (event ${accepted.id})`,
    ...(runs.length > 0 ? [] : [atOnce ? "It took effect at once" : "No function listens to it: nothing follows"]),
    ...runs.map((run) => `Run ${run}; follow it with: lightsout show ${run} --follow`),
    ...(options.asks === undefined || runs.length === 0 ? [] : [`${options.asks} (lightsout questions)`]),
  ];
  if (!options.wait) {
    shell.show(accepted, () => lines);
    return "ok";
  }
  shell.say(...lines);
  const ends = await Promise.all(runs.map((run) => watch(shell, run, { untilPerson: true })));
  const worst = ends.map(({ exit }) => exit).sort((a, b) => exitCodes[b].code - exitCodes[a].code)[0] ?? (atOnce ? "ok" : "failed");
  shell.show({ ...accepted, ended: ends }, () => []);
  return worst;
}

/** What would be done, step by step, and where it would stop; answers `ok` when all of it would go through. */
export function showPlan(shell: Shell, answer: { readonly plan: readonly PlannedRun[] }, type?: string): Exit {
  const atOnce = actsAtOnce(type);
  shell.show(answer, () =>
    answer.plan.length === 0
      ? [atOnce ? "It would take effect at once; no function listens to it" : "No function listens to this: nothing would follow"]
      : answer.plan.flatMap(({ function: name, steps, stops }) => [
          paint("bold", `${name} would:`),
          ...steps.flatMap(({ step, what, verdicts = [] }, index) => [
            `  ${index + 1}. ${step}: ${what}`,
            ...verdicts.map((verdict) => `       ${verdictText(verdict)}`),
          ]),
          stops === undefined ? paint("green", "  It would go through.") : paint("yellow", `  It would stop: ${stops}`),
        ]),
  );
  const goes = answer.plan.length === 0 ? atOnce : answer.plan.every(({ stops }) => stops === undefined);
  return goes ? "ok" : "failed";
}
