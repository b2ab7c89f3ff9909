import { type Duration, type EventDefinition, type Step, TerminalError } from "#events";
import type { Ports } from "../define.ts";
import type { Ended } from "../errands.ts";

/** Names what is done to one machine by another run. */
export interface Errand<Data> {
  /** Unique in the run: the name of the step that hands it out. */
  readonly name: string;
  readonly event: EventDefinition<string, Data>;
  readonly data: Data;
  readonly within: Duration;
}

/**
 * Has another run do something to its machine and waits until it has ended. A run that waits for a person is waited for; silence until
 * `within` is over fails, and nothing more is handed out.
 */
export async function handOut<Data>(errand: Errand<Data>, step: Step, ports: Pick<Ports, "errands">): Promise<Ended> {
  await step.emit(errand.name, errand.event, errand.data);
  return await returned(errand, step, ports);
}

/** Waits for an errand that was handed out. */
export async function returned<Data>(errand: Errand<Data>, step: Step, ports: Pick<Ports, "errands">): Promise<Ended> {
  const { name, event, within } = errand;
  const look = async () => {
    const ended = await ports.errands.ended(step.self.run, name, event as EventDefinition);
    return ended && ended.status !== "parked" ? { ...ended } : undefined;
  };
  const ended = await step.until(`${name}: its end`, look, {
    ...{ every: "5s", within },
    planned: { run: "plan", status: "ok", reason: "planned" } as const,
  });
  if (ended) return ended;
  throw new TerminalError(`${name}: it has not ended within ${within}`, { hint: "`lightsout runs` shows what it waits for" });
}

/**
 * Waits until all of these have ended or wait for a person, at most `within`. Answers the ends by the names of the errands; one that goes on is
 * left out.
 */
export async function ends<Data>(
  name: string,
  errands: readonly Pick<Errand<Data>, "name" | "event">[],
  within: Duration,
  step: Step,
  ports: Pick<Ports, "errands">,
): Promise<Readonly<Record<string, Pick<Ended, "status" | "reason">>>> {
  const look = async () => {
    const told = errands.map(async (errand) => {
      const ended = await ports.errands.ended(step.self.run, errand.name, errand.event as EventDefinition);
      return ended ? ([[errand.name, { status: ended.status, reason: ended.reason }]] as const) : [];
    });
    return Object.fromEntries((await Promise.all(told)).flat());
  };
  const all = async () => {
    const now = await look();
    return Object.keys(now).length === errands.length ? now : undefined;
  };
  const planned = Object.fromEntries(errands.map((errand) => [errand.name, { status: "ok" as const, reason: "planned" }]));
  return (await step.until(name, all, { every: "15s", within, planned })) ?? (await step.run(`${name}: so far`, look, { reads: true }));
}

/** As `handOut`; an end that is not ok ends this run too, with its reason. */
export async function mustHandOut<Data>(errand: Errand<Data>, step: Step, ports: Pick<Ports, "errands">): Promise<void> {
  const { run, status, reason } = await handOut(errand, step, ports);
  if (status !== "ok") throw new TerminalError(`${errand.name}: ${status}: ${reason}`, { hint: `lightsout show ${run}` });
}
