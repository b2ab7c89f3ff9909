import { z } from "zod";
import { attestationEnded, milliseconds, offAttested } from "#events";
import { length, momentOf } from "../length.ts";
import { ProblemError } from "../problem.ts";
import { type Route, route } from "../route.ts";
import { accepted as acceptedSchema } from "../schema/fleet.ts";
import { moment } from "../schema/run.ts";
import { accepted, sent, submit } from "../submit.ts";

const attest = z.strictObject({ reason: z.string().min(1), for: length.default("4h").describe("at most 24h") });
const withdraw = z.strictObject({ reason: z.string().min(1) });
const longestMs = milliseconds("24h");

/** A person's word that a machine is off: with a name, a reason and an end. */
export const attestationRoutes: readonly Route[] = [
  route({
    ...sent("attestOff", "machines"),
    method: "POST",
    path: "/v1/machines/:name/attestation",
    summary: "a person's word that it is off",
    notes: "Void on any sign of life.",
    body: attest,
    answers: {
      202: acceptedSchema.extend({
        until: moment,
        counts: z.boolean().describe("whether it counts now"),
        power: z.string().describe("how its power reads"),
      }),
    },
    async handle(ask) {
      const { reason, for: lasting } = ask.body;
      if (milliseconds(lasting) > longestMs) {
        throw new ProblemError(422, "LO_HTTP_INVALID", `for: ${lasting} is longer than 24h`, {
          hint: "Look at the machine again, and say so again",
        });
      }
      const until = momentOf(ask.now() + milliseconds(lasting));
      const data = { machine: ask.param("name"), reason, until };
      const event = await submit(ask, { type: offAttested.type, data });
      return accepted(event, { until, ...(await ask.desk.attested(data.machine)) });
    },
  }),
  route({
    ...sent("withdrawAttestation", "machines"),
    method: "DELETE",
    path: "/v1/machines/:name/attestation",
    summary: "takes that back",
    body: withdraw,
    answers: { 202: acceptedSchema },
    handle: async (ask) => accepted(await submit(ask, { type: attestationEnded.type, data: { machine: ask.param("name"), ...ask.body } })),
  }),
];
