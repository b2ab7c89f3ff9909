import { z } from "zod";
import { type Clock, freezeReleased, freezeRequested } from "#events";
import { within } from "../deadline.ts";
import type { Desk } from "../port.ts";
import { answer, type Route, route } from "../route.ts";
import { accepted as acceptedSchema, freeze as freezeSchema } from "../schema/fleet.ts";
import { accepted, sent, submit } from "../submit.ts";

const freeze = z.strictObject({ reason: z.string().min(1) });
const release = z.strictObject({ reason: z.string().optional() });
const frozen = freezeSchema.nullable();
const changed = acceptedSchema.extend({
  frozen: frozen.describe("the freeze in force now"),
  before: frozen.exactOptional().describe("the one there was; absent where that could not be read"),
});

const patienceMs = 2000;

/** What stood before; nothing where it cannot be read, or not soon, which must not hinder a freeze. */
const standing = (desk: Desk, clock: Clock) =>
  within(clock, patienceMs, desk.frozen(), () => undefined).then(
    (found) => ({ before: found ?? null }),
    () => ({}),
  );

/** The stop that always works. The answers carry the freeze in force, and in `before` the one there was: a local STOP file is not lifted from here. */
export const freezeRoutes: readonly Route[] = [
  route({
    id: "showFreeze",
    tag: "fleet",
    method: "GET",
    path: "/v1/freeze",
    needs: "viewer",
    summary: "the freeze in force, or null",
    answers: { 200: z.strictObject({ frozen }) },
    handle: async ({ desk }) => answer({ frozen: (await desk.frozen()) ?? null }),
  }),
  route({
    ...sent("freeze", "fleet"),
    method: "POST",
    path: "/v1/freeze",
    summary: "stops every act",
    body: freeze,
    answers: { 202: changed },
    async handle(ask) {
      const was = await standing(ask.desk, ask.clock);
      const taken = await submit(ask, { type: freezeRequested.type, data: ask.body });
      return accepted(taken, { frozen: (await ask.desk.frozen()) ?? null, ...was });
    },
  }),
  route({
    ...sent("unfreeze", "fleet"),
    method: "DELETE",
    path: "/v1/freeze",
    summary: "lets acts go on",
    notes: "A STOP file stays in force.",
    body: release,
    answers: { 202: changed },
    async handle(ask) {
      const was = await standing(ask.desk, ask.clock);
      const taken = await submit(ask, { type: freezeReleased.type, data: ask.body });
      return accepted(taken, { frozen: (await ask.desk.frozen()) ?? null, ...was });
    },
  }),
];
