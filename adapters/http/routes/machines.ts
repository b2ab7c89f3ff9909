import { z } from "zod";
import { powerCycle, powerOffRequested, powerOnRequested } from "#events";
import { answer, type Route, route } from "../route.ts";
import { machineRow, why } from "../schema/machine.ts";
import { planOr, sent, submitOrPlan } from "../submit.ts";

const power = z
  .strictObject({
    action: z.enum(["on", "off", "cycle"]),
    hard: z.boolean().optional().describe("cuts the power where the operating system would be asked"),
    reason: z.string().optional(),
    confirm: z.string().optional().describe("the machine's name again, where it carries Lightsout itself"),
  })
  .refine(({ action, hard }) => action !== "on" || hard === undefined, {
    path: ["hard"],
    message: "powering on has no hard way: leave it out",
  })
  .meta({ not: { properties: { action: { const: "on" } }, required: ["action", "hard"] } });
const types = { on: powerOnRequested.type, off: powerOffRequested.type, cycle: powerCycle.type } as const;

/** Machines: list, explain, power. */
export const machineRoutes: readonly Route[] = [
  route({
    id: "listMachines",
    tag: "machines",
    method: "GET",
    path: "/v1/machines",
    needs: "viewer",
    summary: "the machines: power, node, identity, drill, trust, holds, and what stands against acting on them",
    notes: "Asks every BMC.",
    answers: { 200: z.strictObject({ machines: z.array(machineRow) }) },
    handle: async ({ desk }) => answer({ machines: await desk.machines() }),
  }),
  route({
    id: "explainMachine",
    tag: "machines",
    method: "GET",
    path: "/v1/machines/:name/why",
    needs: "viewer",
    summary: "why Lightsout did or did not act on it",
    answers: { 200: why },
    troubles: ["machine"],
    handle: async ({ desk, param }) => answer(await desk.why(param("name"))),
  }),
  route({
    ...sent("switchPower", "machines"),
    method: "POST",
    path: "/v1/machines/:name/power",
    summary: "switches it on or off, or off and on",
    ...planOr(power),
    async handle(ask) {
      const { action, ...rest } = ask.body;
      return submitOrPlan(ask, { type: types[action], data: { machine: ask.param("name"), ...rest } });
    },
  }),
];
