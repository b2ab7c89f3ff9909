import type { StoredEvent } from "../bus.ts";
import { runCancelRequested, runResumeRequested } from "../catalogue/operator.ts";
import { runSuperseded } from "../catalogue/run.ts";
import { DriveEnd, type End } from "./control.ts";
import type { Hands, Held } from "./held.ts";
import type { RunName } from "./office.ts";
import type { FunctionSpec } from "./spec.ts";
import { patiently } from "./waits.ts";

/** An event reaches the runs it concerns: those of its key, and all of them where it may free what they wait for. */
export function hear(hands: Hands, item: StoredEvent): void {
  const { type, subject } = item.event;
  const concernsAll = type === "run-finished" || type === "trust-changed" || type.endsWith("-released");
  for (const one of hands.all()) {
    const { name, control } = one.drive;
    if (!concernsAll && subject !== name.key && subject !== name.run) continue;
    tell(one, item);
    control.wake();
    hands.heed(one);
  }
}

/** Tells a run what was said of it before we listened: since the event that started it. */
export async function catchUp(one: Held): Promise<void> {
  const { office, name, position, spec } = one.drive;
  const { bus } = office;
  const read = () => {
    const said: Promise<StoredEvent[]>[] = [
      bus.since(runCancelRequested, name.run, position),
      bus.since(runSuperseded, name.run, position),
      bus.since(runResumeRequested, name.run, position),
    ];
    if (spec.cancelOn) said.push(bus.since(spec.cancelOn, name.key, position));
    return Promise.all(said);
  };
  try {
    const said = await patiently(one.drive, read);
    for (const item of said.flat().sort((a, b) => a.position - b.position)) tell(one, item);
  } catch (error) {
    // It was ended while the store was away: nothing that was said before can matter more.
    if (!(error instanceof DriveEnd)) throw error;
  }
}

/** Notes what an event means for a run; what the run waits for, it looks at itself. */
function tell({ drive: { spec, name, position, control }, words }: Held, item: StoredEvent): void {
  const why = item.position > position ? endOf(item, spec, name) : undefined;
  if (why) control.end(why);
  if (item.event.type === runResumeRequested.type && item.event.subject === name.run) words.push(item as Held["words"][number]);
}

/** Why this event ends a run, if it does. */
function endOf({ event }: StoredEvent, spec: FunctionSpec, name: RunName): End | undefined {
  if (event.subject === name.run && event.type === runCancelRequested.type) {
    const { reason } = event.data as { reason?: string };
    return { kind: "finish", status: "cancelled", reason: `by ${event.lsactor ?? event.source}${reason ? `: ${reason}` : ""}` };
  }
  if (event.subject === name.run && event.type === runSuperseded.type) {
    const { by, function: who } = event.data as { by: string; function: string };
    return { kind: "finish", status: "superseded", reason: `${who} (run ${by}) takes ${name.key} over` };
  }
  const cancels = spec.cancelOn?.type === event.type && event.subject === name.key;
  return cancels ? { kind: "finish", status: "cancelled", reason: `${event.type} arrived` } : undefined;
}
