import { z } from "zod";
import { milliseconds } from "#events";
import { length } from "../length.ts";
import { ProblemError } from "../problem.ts";
import { answer, type Route, route } from "../route.ts";

/** IPMI counts the seconds of Chassis Identify in one byte (IPMI 2.0, 28.5). */
const longest = "4m";
const identify = z
  .strictObject({
    for: length
      .meta({ examples: ["30s", "2m"] })
      .optional()
      .describe("at most 4m; default 30s"),
    off: z.boolean().optional(),
  })
  .refine((given) => given.off !== true || given.for === undefined, "off and for contradict each other: give one")
  .meta({ not: { properties: { off: { const: true } }, required: ["off", "for"] } });

/** A machine's locator light: which box is it? */
export const identifyRoutes: readonly Route[] = [
  route({
    id: "identifyMachine",
    tag: "machines",
    method: "POST",
    path: "/v1/machines/:name/identify",
    needs: "operator",
    summary: "blinks its locator light",
    notes: "No guard is asked, since nothing changes.",
    body: identify,
    answers: { 200: z.strictObject({ machine: z.string(), seconds: z.int() }) },
    troubles: ["machine", "bmc"],
    async handle({ body, desk, param, who }) {
      const { for: lasting = "30s", off = false } = body;
      if (milliseconds(lasting) > milliseconds(longest)) {
        const hint = "Have it blink again when that is over";
        throw new ProblemError(422, "LO_HTTP_INVALID", `for: ${lasting} is longer than ${longest}`, { hint });
      }
      const machine = param("name");
      const seconds = off ? 0 : Math.max(1, Math.round(milliseconds(lasting) / 1000));
      await desk.identify(machine, seconds, who.name);
      return answer({ machine, seconds });
    },
  }),
];
