import { z } from "zod";
import { holdReleased, holdRequested, milliseconds } from "#events";
import { fields } from "../body.ts";
import { length, momentOf } from "../length.ts";
import type { Desk } from "../port.ts";
import type { Route } from "../route.ts";
import { accepted, submit } from "../submit.ts";

const hold = z
  .strictObject({
    scope: z.string(),
    name: z.string(),
    reason: z.string(),
    until: z.iso.datetime().optional(),
    for: length.optional(),
  })
  .refine((given) => given.until === undefined || given.for === undefined, "until and for are two ways to say the same: give one");

/** Hands off, and hands on again (this also lifts a machine's quarantine; `before` says what there was to release). */
export const holdRoutes = (desk: Desk, now: () => number): readonly Route[] => [
  {
    method: "POST",
    path: "/v1/holds",
    needs: "operator",
    async handle(ask) {
      const { for: lasting, until, ...rest } = fields(hold, await ask.json());
      const end = lasting === undefined ? until : momentOf(now() + milliseconds(lasting));
      const data = { ...rest, ...(end === undefined ? {} : { until: end }) };
      return accepted(await submit(desk, ask, { type: holdRequested.type, data }), end === undefined ? {} : { until: end });
    },
  },
  {
    method: "DELETE",
    path: "/v1/holds/:scope/:name",
    needs: "operator",
    async handle(ask) {
      const data = { scope: ask.param("scope"), name: ask.param("name") };
      const before = await standing(desk, data.scope, data.name).catch(() => undefined);
      const event = await submit(desk, ask, { type: holdReleased.type, data });
      const still = data.scope === "machine" ? await held(desk, data.name).catch(() => undefined) : undefined;
      return accepted(event, present({ before, still }));
    },
  },
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
