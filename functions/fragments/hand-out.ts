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

/** As `handOut`; an end that is not ok ends this run too, with its reason. */
export async function mustHandOut<Data>(errand: Errand<Data>, step: Step, ports: Pick<Ports, "errands">): Promise<void> {
  const { run, status, reason } = await handOut(errand, step, ports);
  if (status !== "ok") throw new TerminalError(`${errand.name}: ${status}: ${reason}`, { hint: `lightsout show ${run}` });
}
