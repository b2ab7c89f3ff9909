import { z } from "zod";
import { milliseconds } from "#events";
import { fields } from "../body.ts";
import { length } from "../length.ts";
import type { Desk } from "../port.ts";
import { ProblemError } from "../problem.ts";
import { answer, type Route } from "../route.ts";

/** IPMI counts the seconds of Chassis Identify in one byte (IPMI 2.0, 28.5). */
const longest = "4m";
const identify = z
  .strictObject({
    for: length.optional(),
    off: z.boolean().optional(),
  })
  .refine((given) => given.off !== true || given.for === undefined, "off and for contradict each other: give one");

/** A machine's locator light: which box is it? */
export const identifyRoutes = (desk: Desk): readonly Route[] => [
  {
    method: "POST",
    path: "/v1/machines/:name/identify",
    needs: "operator",
    async handle(ask) {
      const { for: lasting = "30s", off = false } = fields(identify, await ask.json());
      if (milliseconds(lasting) > milliseconds(longest)) {
        const hint = "Have it blink again when that is over";
        throw new ProblemError(422, "LO_HTTP_INVALID", `for: ${lasting} is longer than ${longest}`, { hint });
      }
      const machine = ask.param("name");
      const seconds = off ? 0 : Math.max(1, Math.round(milliseconds(lasting) / 1000));
      await desk.identify(machine, seconds, ask.who.name);
      return answer({ machine, seconds });
    },
  },
];
