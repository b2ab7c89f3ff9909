import { z } from "zod";
import { holdReleased, holdRequested, milliseconds } from "#events";
import { length, momentOf } from "../length.ts";
import type { Desk } from "../port.ts";
import { answer, type Route, route } from "../route.ts";
import { accepted as acceptedSchema, hold as holdSchema } from "../schema/fleet.ts";
import { moment } from "../schema/run.ts";
import { accepted, sent, submit } from "../submit.ts";

const scope = z.enum(["machine", "pool", "rack", "all"]);
const hold = z
  .strictObject({
    scope,
    name: z.string().min(1),
    reason: z.string().min(1),
    until: z.iso.datetime().optional(),
    for: length.optional(),
  })
  .refine((given) => given.until === undefined || given.for === undefined, "until and for are two ways to say the same: give one")
  .meta({ not: { required: ["until", "for"] } });

/** Hands off, and hands on again (this also lifts a machine's quarantine; `before` says what there was to release). */
export const holdRoutes: readonly Route[] = [
  route({
    id: "listHolds",
    tag: "fleet",
    method: "GET",
    path: "/v1/holds",
    needs: "viewer",
    summary: "the holds in force on machines, pools and racks",
    answers: { 200: z.strictObject({ holds: z.array(holdSchema) }) },
    handle: async ({ desk }) => answer({ holds: await desk.holds() }),
  }),
  route({
    ...sent("hold", "fleet"),
    method: "POST",
    path: "/v1/holds",
    summary: "hands off",
    body: hold,
    answers: { 202: acceptedSchema.extend({ until: moment.exactOptional() }) },
    async handle(ask) {
      const { for: lasting, until, ...rest } = ask.body;
      const end = lasting === undefined ? until : momentOf(ask.now() + milliseconds(lasting));
      const data = { ...rest, ...(end === undefined ? {} : { until: end }) };
      return accepted(await submit(ask, { type: holdRequested.type, data }), end === undefined ? {} : { until: end });
    },
  }),
  route({
    ...sent("release", "fleet"),
    method: "DELETE",
    path: "/v1/holds/:scope/:name",
    summary: "releases it; of a machine also its quarantine",
    params: z.strictObject({ scope }),
    body: z.strictObject({}),
    answers: {
      202: acceptedSchema.extend({
        before: z.array(z.string()).exactOptional().describe("what there was to release"),
        still: z.array(z.string()).exactOptional().describe("what holds the machine all the same"),
      }),
    },
    async handle(ask) {
      const data = { scope: ask.param("scope"), name: ask.param("name") };
      const before = await standing(ask.desk, data.scope, data.name).catch(() => undefined);
      const event = await submit(ask, { type: holdReleased.type, data });
      const still = data.scope === "machine" ? await held(ask.desk, data.name).catch(() => undefined) : undefined;
      return accepted(event, present({ before, still }));
    },
  }),
];

/** Pools, racks and annotations of its Node hold a machine too, and a release of the machine does not take those back. */
const held = async (desk: Desk, machine: string): Promise<readonly string[]> => (await desk.why(machine)).holds;

const present = (more: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined));

/** What a release would take back, in words. */
async function standing(desk: Desk, scope: string, name: string): Promise<readonly string[]> {
  const ledger = scope === "machine" ? (await desk.why(name)).ledger : undefined;
  const quarantine = ledger?.quarantine ? [`quarantine: ${ledger.quarantine.reason}`] : [];
  const mine = (await desk.holds()).filter((hold) => hold.scope === scope && hold.name === name);
  return [...quarantine, ...mine.map(({ reason, by }) => `hold: ${reason} (${by})`)];
}
