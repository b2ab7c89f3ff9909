import {
  type Accepted,
  approvalDecided,
  type EventDefinition,
  type Incoming,
  runCancelRequested,
  runResumeRequested,
  trustChanged,
} from "#events";
import { demand } from "./auth.ts";
import { eventId, type Message } from "./cloudevent.ts";
import type { Desk } from "./port.ts";
import { ProblemError } from "./problem.ts";
import { type Ask, answer } from "./route.ts";
import { findParked, findQuestion, findUnfinished } from "./waiting.ts";

/** What must be true before an event may be sent: said at once, where the runtime would let the event lie. */
type Condition = (desk: Desk, data: unknown) => Promise<unknown>;

const condition = <Data>(event: EventDefinition<string, Data>, check: (desk: Desk, data: Data) => Promise<unknown>) =>
  [
    event.type,
    async (desk: Desk, data: unknown) => {
      const parsed = event.schema.safeParse(data);
      if (parsed.success) await check(desk, parsed.data);
    },
  ] as const;

const conditions: ReadonlyMap<string, Condition> = new Map([
  condition(approvalDecided, findQuestion),
  condition(runResumeRequested, (desk, { run, step }) => findParked(desk, run, step)),
  condition(runCancelRequested, (desk, { run }) => findUnfinished(desk, run)),
]);

/** An event on its way in: signed with the token's name, whatever its sender says. */
function incoming(ask: Ask, message: Message): Incoming {
  const { type, data, source = "lightsout/http", time } = message;
  const key = ask.headers.get("idempotency-key");
  const id = message.id ?? (key === null ? undefined : eventId(key));
  return {
    type,
    data,
    origin: "operator",
    source,
    actor: ask.who.name,
    ...(id === undefined ? {} : { id }),
    ...(time === undefined ? {} : { time }),
  };
}

/**
 * Lets an event in through the desk. Every change goes this way, so that the role that trust needs, and the conditions of decisions, hold
 * whichever route it took. The header `Idempotency-Key` is the event's id where the message has none.
 */
export async function submit(desk: Desk, ask: Ask, message: Message): Promise<Accepted> {
  if (message.type === trustChanged.type) demand(ask.who, "admin", "Changing trust");
  const event = incoming(ask, message);
  await conditions.get(message.type)?.(desk, message.data);
  return desk.accept(event);
}

/** The answer to what was let in: 202, since what follows is a run's work. */
export const accepted = ({ id, runs, repeated }: Accepted, more: object = {}): Response => answer({ id, runs, repeated, ...more }, 202);

/** Lets the event in, or with `?plan=true` says what would follow and does nothing. */
export async function submitOrPlan(desk: Desk, ask: Ask, message: Message): Promise<Response> {
  const { plan = "false" } = ask.query;
  if (plan !== "true" && plan !== "false") {
    throw new ProblemError(400, "LO_HTTP_QUERY", `plan is "${plan}"`, { hint: "Write plan=true, or leave it out" });
  }
  if (plan === "true") return answer({ plan: await desk.plan(incoming(ask, message)) });
  return accepted(await submit(desk, ask, message));
}
