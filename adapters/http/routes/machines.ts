import { z } from "zod";
import { powerCycle, powerOffRequested, powerOnRequested } from "#events";
import { fields } from "../body.ts";
import type { Desk } from "../port.ts";
import { ProblemError } from "../problem.ts";
import { answer, type Route } from "../route.ts";
import { submitOrPlan } from "../submit.ts";

const power = z.strictObject({
  action: z.enum(["on", "off", "cycle"]),
  hard: z.boolean().optional(),
  reason: z.string().optional(),
  confirm: z.string().optional(),
});
const types = { on: powerOnRequested.type, off: powerOffRequested.type, cycle: powerCycle.type } as const;

/** Machines: list, explain, power. */
export const machineRoutes = (desk: Desk): readonly Route[] => [
  { method: "GET", path: "/v1/machines", needs: "viewer", handle: async () => answer({ machines: await desk.machines() }) },
  {
    method: "GET",
    path: "/v1/machines/:name/why",
    needs: "viewer",
    handle: async ({ param }) => answer(await desk.why(param("name"))),
  },
  {
    method: "POST",
    path: "/v1/machines/:name/power",
    needs: "operator",
    query: ["plan"],
    async handle(ask) {
      const { action, ...rest } = fields(power, await ask.json());
      if (action === "on" && rest.hard !== undefined) {
        throw new ProblemError(422, "LO_HTTP_INVALID", "hard: powering on has no hard way", { hint: "Leave hard out" });
      }
      return submitOrPlan(desk, ask, { type: types[action], data: { machine: ask.param("name"), ...rest } });
    },
  },
];
