import { z } from "zod";
import { attestationEnded, milliseconds, offAttested } from "#events";
import { fields } from "../body.ts";
import { length, momentOf } from "../length.ts";
import type { Desk } from "../port.ts";
import { ProblemError } from "../problem.ts";
import type { Route } from "../route.ts";
import { accepted, submit } from "../submit.ts";

const attest = z.strictObject({ reason: z.string(), for: length.default("4h") });
const withdraw = z.strictObject({ reason: z.string() });
const longestMs = milliseconds("24h");

/** A person's word that a machine is off: with a name, a reason and an end. */
export const attestationRoutes = (desk: Desk, now: () => number): readonly Route[] => [
  {
    method: "POST",
    path: "/v1/machines/:name/attestation",
    needs: "operator",
    async handle(ask) {
      const { reason, for: lasting } = fields(attest, await ask.json());
      if (milliseconds(lasting) > longestMs) {
        throw new ProblemError(422, "LO_HTTP_INVALID", `for: ${lasting} is longer than 24h`, {
          hint: "Look at the machine again, and say so again",
        });
      }
      const until = momentOf(now() + milliseconds(lasting));
      const data = { machine: ask.param("name"), reason, until };
      const event = await submit(desk, ask, { type: offAttested.type, data });
      return accepted(event, { until, ...(await desk.attested(data.machine)) });
    },
  },
  {
    method: "DELETE",
    path: "/v1/machines/:name/attestation",
    needs: "operator",
    async handle(ask) {
      const data = { machine: ask.param("name"), ...fields(withdraw, await ask.json()) };
      return accepted(await submit(desk, ask, { type: attestationEnded.type, data }));
    },
  },
];
