import { explain } from "../errors.ts";
import type { Verdict } from "../journal.ts";
import type { Incoming } from "./accept.ts";
import { askGuards, previews } from "./judge.ts";
import type { Office } from "./office.ts";
import type { Act, ActIntent, FunctionSpec, HandlerContext, Observation, Step } from "./spec.ts";

export interface PlannedStep {
  readonly step: string;
  readonly what: string;
  readonly verdicts?: readonly Verdict[];
}

export interface Plan {
  readonly function: string;
  readonly steps: readonly PlannedStep[];
  /** Where it would stop now, and why; absent when it would go through. */
  readonly stops?: string;
}

/**
 * What each function would do for an event now, with every guard's verdict. Reads are made; nothing is written, reserved, stored or sent.
 * Waits count as over, and what follows the first act is assumed to go well.
 */
export async function planEvent(office: Office, incoming: Incoming): Promise<Plan[]> {
  const specs = office.specs.filter((spec) => spec.on.type === incoming.type);
  return Promise.all(specs.map((spec) => planFunction(office, spec, incoming)));
}

async function planFunction(office: Office, spec: FunctionSpec, incoming: Incoming): Promise<Plan> {
  const data = spec.on.schema.parse(incoming.data);
  const event = {
    specversion: "1.0",
    id: "plan",
    source: incoming.source,
    type: spec.on.type,
    subject: spec.on.key(data),
    datacontenttype: "application/json",
    lsversion: spec.on.version,
    ...(incoming.actor === undefined ? {} : { lsactor: incoming.actor }),
    data,
  } as const;
  const steps: PlannedStep[] = [];
  const held: string[] = [];
  const signal = new AbortController().signal;
  let acted = false;

  const plannedAct = async (name: string, act: Act) => {
    const observed = await (act.before ?? act.observe)(signal).catch((error): Observation => ({ is: "cannot-tell", seen: explain(error) }));
    const intent: ActIntent = {
      run: "plan",
      function: spec,
      event,
      step: name,
      machine: act.machine,
      verb: act.verb,
      first: !acted,
      approved: new Set<string>(),
      observed,
      planned: true,
    };
    const verdicts = await askGuards(previews(office.guards), intent);
    steps.push({ step: name, what: `${act.verb} ${act.machine} (now: ${observed.seen})`, verdicts });
    for (const { guard, says, reason } of verdicts) if (says !== "allow") held.push(`${name}: ${guard} says ${says}: ${reason}`);
    acted = true;
    return { result: "done" as const, seen: "planned" };
  };

  const step: Step = {
    self: { run: "plan", inherited: [] },
    async run(name, work, options = {}) {
      if (!options.reads) {
        steps.push({
          step: name,
          what: options.leaves ? `sets ${options.leaves.kind}` : options.clears ? `removes ${options.clears}` : "does",
        });
        return options.planned as never;
      }
      const result = await work(signal);
      steps.push({ step: name, what: `reads ${result === undefined ? "" : JSON.stringify(result)}`.trim() });
      return result;
    },
    act: plannedAct,
    async until(name, probe, { planned, within }) {
      const later = acted || planned !== undefined;
      const met = later ? undefined : await probe(signal);
      steps.push({
        step: name,
        what: later ? `waits up to ${within}` : met ? `met now: ${JSON.stringify(met)}` : `not met now; would wait up to ${within}`,
      });
      return (planned ?? (acted ? true : (met ?? undefined))) as never;
    },
    async sleep(name, duration) {
      steps.push({ step: name, what: `waits ${duration}` });
    },
    async waitFor(name, wanted, { within }) {
      steps.push({ step: name, what: `waits up to ${within} for ${wanted.type}` });
      return undefined;
    },
    async approve(name, { ask, from }) {
      steps.push({ step: name, what: `asks ${from ?? office.approvers}: ${ask}` });
      return { by: "plan" };
    },
    async emit(name, emitted) {
      steps.push({ step: name, what: `emits ${emitted.type}` });
    },
  };

  try {
    const ports = Object.fromEntries(spec.uses.map((use) => [use, office.ports[use]]));
    await spec.handler({ event, step, ports } as unknown as HandlerContext);
  } catch (error) {
    held.push(explain(error));
  }
  return { function: spec.id, steps, ...(held.length > 0 ? { stops: held.join("; ") } : {}) };
}
