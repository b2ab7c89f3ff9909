import { z } from "zod";
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
import { headerId, idempotency, type Message } from "./cloudevent.ts";
import type { Trouble } from "./openapi/troubles.ts";
import type { Desk } from "./port.ts";
import { type Ask, answer, type Way } from "./route.ts";
import { accepted as acceptedSchema } from "./schema/fleet.ts";
import { plannedRun } from "./schema/machine.ts";
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
  const given = headerId(ask.headers);
  const id = message.id ?? given;
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

/** What every way has that sends an event. */
export const sent = (id: string, tag: Way["tag"], ...more: readonly Trouble[]) =>
  ({
    id,
    tag,
    needs: "operator",
    headers: idempotency,
    troubles: ["event", ...more],
  }) as const;

/** What a way has beside its body that can also say what would follow. */
export const planOr = <Body extends z.ZodType>(body: Body) => ({
  query: z.strictObject({ plan: z.boolean().default(false).describe("says what would follow, and does nothing") }),
  body,
  answers: { 200: z.strictObject({ plan: z.array(plannedRun) }), 202: acceptedSchema },
});

/**
 * Lets an event in through the desk. Every change goes this way, so that the role that trust needs, and the conditions of decisions, hold
 * whichever route it took. The header `Idempotency-Key` is the event's id where the message has none.
 */
export async function submit(ask: Ask, message: Message): Promise<Accepted> {
  if (message.type === trustChanged.type) demand(ask.who, "admin", "Changing trust");
  const event = incoming(ask, message);
  await conditions.get(message.type)?.(ask.desk, message.data);
  return ask.desk.accept(event);
}

/** The answer to what was let in: 202, since what follows is a run's work. */
export const accepted = ({ id, runs, repeated }: Accepted, more: object = {}): Response => answer({ id, runs, repeated, ...more }, 202);

/** Lets the event in, or with `?plan=true` says what would follow and does nothing. */
export async function submitOrPlan(ask: Ask<{ readonly plan: boolean }>, message: Message): Promise<Response> {
  if (ask.query.plan) return answer({ plan: await ask.desk.plan(incoming(ask, message)) });
  return accepted(await submit(ask, message));
}
