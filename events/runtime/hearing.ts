import type { StoredEvent } from "../bus.ts";
import { runCancelRequested, runResumeRequested } from "../catalogue/operator.ts";
import { runSuperseded } from "../catalogue/run.ts";
import { DriveEnd, type End } from "./control.ts";
import type { Hands, Held } from "./held.ts";
import type { Drive, Office, RunName } from "./office.ts";
import type { FunctionSpec } from "./spec.ts";
import { patiently } from "./waits.ts";

/** How this worker's runs learn what is said to them. */
export interface Ear {
  /** From here on every event is heard. */
  listens(after: number): void;
  /** An event reaches the runs it concerns: those of its key, and all of them where it may free what they wait for. */
  hear(item: StoredEvent): void;
  /** Tells a run what was said of it before it was in our hands: since the event that started it. */
  catchUp(one: Held): Promise<void>;
}

/** So many words are remembered, for runs that begin after something was said to them. */
const remembered = 1000;

/** The ear of one worker. What it heard lately it need not ask the store for. */
export function createEar({ bus, specs }: Office, hands: Hands): Ear {
  const words = [runCancelRequested, runSuperseded, runResumeRequested];
  const types = new Set([...words, ...specs.flatMap((spec) => spec.cancelOn ?? [])].map(({ type }) => type));
  const heard: StoredEvent[] = [];
  let knownAfter = Number.POSITIVE_INFINITY;

  const stored = async ({ name, position, spec }: Drive): Promise<StoredEvent[]> => {
    const said: Promise<StoredEvent[]>[] = words.map((word) => bus.since<unknown>(word as never, name.run, position));
    if (spec.cancelOn) said.push(bus.since(spec.cancelOn, name.key, position));
    return (await Promise.all(said)).flat().sort((a, b) => a.position - b.position);
  };

  return {
    listens(after) {
      knownAfter = after;
    },
    hear(item) {
      const { type, subject } = item.event;
      if (types.has(type) && heard.push(item) > remembered) knownAfter = heard.shift()?.position ?? knownAfter;
      for (const one of hands.about(subject)) {
        tell(one, item);
        one.drive.control.wake();
        hands.heed(one);
      }
      if (type === "run-finished" || type === "trust-changed" || type.endsWith("-released")) hands.wakeAll();
    },
    async catchUp(one) {
      const { drive } = one;
      try {
        const said = drive.position >= knownAfter ? heard : await patiently(drive, () => stored(drive));
        for (const item of said) tell(one, item);
      } catch (error) {
        // It was ended while the store was away: nothing that was said before can matter more.
        if (!(error instanceof DriveEnd)) throw error;
      }
    },
  };
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
