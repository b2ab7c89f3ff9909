import {
  attestationEnded,
  freezeReleased,
  freezeRequested,
  holdReleased,
  holdRequested,
  offAttested,
  trustChanged,
} from "../catalogue/operator.ts";
import { type EventDefinition, type Origin, stableId } from "../define-event.ts";
import { LightsoutError } from "../errors.ts";
import { invalidEvent } from "../invalid.ts";
import { journalSubject } from "../journal.ts";
import { say } from "../said.ts";
import { machineOf, type Office } from "./office.ts";
import type { FunctionSpec } from "./spec.ts";

/** What comes in through a door. */
export interface Incoming {
  readonly type: string;
  readonly data: unknown;
  /** The door it came through: an authenticated person may send more than the open door. */
  readonly origin: Exclude<Origin, "internal">;
  readonly source: string;
  /** Who, as the door knows them. */
  readonly actor?: string;
  /** Its sender's id; a repeated id is the same event. Default: a fresh one. */
  readonly id?: string;
  readonly time?: string;
  readonly cause?: string;
}

export interface Accepted {
  readonly id: string;
  readonly position: number;
  /** The runs it starts, or has started. */
  readonly runs: readonly string[];
  /** It was here before: nothing new begins. */
  readonly repeated: boolean;
}

/** Opens what a run on this machine will need. */
export type Prepare = (spec: FunctionSpec, machine: string) => void;

/** The id of the run that a function makes of an event. */
export const runIdOf = (site: string, functionId: string, source: string, id: string): string => stableId(site, functionId, source, id);

/**
 * Lets an event in, or throws why not (`LO_EVENT_UNKNOWN`, `LO_EVENT_FORBIDDEN`, `LO_EVENT_INVALID`, or what `check` throws). What an
 * operator or an intent says enters the ledger and the settings before this resolves, ahead of every queue.
 */
export async function accept(
  office: Office,
  incoming: Incoming,
  how: {
    readonly check: ((definition: EventDefinition, data: unknown) => void) | undefined;
    readonly prepare: Prepare | undefined;
    freshId(): string;
  },
): Promise<Accepted> {
  const definition = office.bus.known.get(incoming.type);
  if (!definition) {
    throw new LightsoutError("LO_EVENT_UNKNOWN", `unknown event type "${incoming.type}"`, {
      hint: `Known: ${openTypes(office, incoming.origin).join(", ")}`,
    });
  }
  if (definition.origin === "internal" || (definition.origin === "operator" && incoming.origin !== "operator")) {
    const who = definition.origin === "internal" ? "Lightsout itself" : "an operator";
    throw new LightsoutError("LO_EVENT_FORBIDDEN", `${incoming.type} may be sent by ${who} only`, {
      hint: `Through this door: ${openTypes(office, incoming.origin).join(", ")}`,
    });
  }
  const parsed = definition.schema.safeParse(incoming.data);
  if (!parsed.success) throw invalidEvent(incoming.type, parsed.error.issues);
  const key = definition.key(parsed.data);
  how.check?.(definition, parsed.data);
  refusePast(office, parsed.data);

  const { id = how.freshId(), source, actor, cause, time } = incoming;
  const specs = office.specs.filter((spec) => spec.on.type === definition.type);
  for (const spec of specs) if (machineOf(spec, key) !== undefined) how.prepare?.(spec, key);
  const runs = specs.map((spec) => runIdOf(office.site, spec.id, source, id));
  const begun = await Promise.all(specs.map((spec, index) => office.store.log.last("journal", journalSubject(spec.id, runs[index] ?? ""))));
  if (begun.some((record) => record !== undefined)) return { id, position: 0, runs, repeated: true };

  await takeEffect(office, definition, key, parsed.data, { id, by: actor ?? source });
  const stored = await office.bus.publish(definition, parsed.data, { id, source, actor, cause, time });
  return { id, position: stored.position, runs, repeated: false };
}

/** Something that is to last until a time gone by would not last at all. */
function refusePast(office: Office, data: unknown): void {
  const { until } = data as { until?: string };
  if (until === undefined || Date.parse(until) > office.clock.now()) return;
  throw new LightsoutError("LO_EVENT_INVALID", `until ${until} is in the past`, {
    hint: `Here it is ${new Date(office.clock.now()).toISOString()}`,
  });
}

const openTypes = (office: Office, origin: Origin) =>
  [...office.bus.known.values()].filter((item) => item.origin === "external" || item.origin === origin).map((item) => item.type);

/**
 * What holds from the moment it is accepted or emitted, whatever is queued. What a machine should be holds until the run it starts has
 * ended without an act, for good otherwise.
 */
export async function takeEffect(
  office: Office,
  definition: EventDefinition,
  key: string,
  data: unknown,
  about: { id: string; by: string },
): Promise<void> {
  const { settings, ledger, clock } = office;
  const since = new Date(clock.now()).toISOString();
  const is = <Data>(known: EventDefinition<string, Data>, value: unknown): value is Data =>
    (known as unknown) === definition && value !== undefined;
  if (definition.intends) {
    const reason = (data as { reason?: string }).reason;
    const why = reason ?? definition.type;
    const want = definition.intends;
    const acting = office.specs.some((spec) => spec.on.type === definition.type && spec.acts.length > 0);
    await ledger.change(key, (now) => say(now, { want, why, by: about.by, since, event: about.id }, acting));
  } else if (is(freezeRequested, data)) await settings.setFreeze({ reason: data.reason, by: about.by, since });
  else if (is(freezeReleased, data)) await settings.setFreeze(undefined);
  else if (is(holdRequested, data)) {
    const { scope, name, reason, until } = data;
    await settings.setHold({ scope, name, reason, by: about.by, since, ...(until === undefined ? {} : { until }) });
  } else if (is(holdReleased, data)) {
    await settings.dropHold(data.scope, data.name);
    if (data.scope === "machine") {
      await settings.dropNodeHold(data.name);
      await ledger.change(data.name, ({ quarantine: _, ...rest }) => rest);
    }
  } else if (is(trustChanged, data)) await settings.setTrust(data.scope, data.name, data.trust, about.by);
  else if (is(offAttested, data)) {
    const { machine, reason, until } = data;
    await settings.setAttestation(machine, { by: about.by, reason, since, until });
  } else if (is(attestationEnded, data)) await settings.setAttestation(data.machine, undefined);
}
