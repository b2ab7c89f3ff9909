import { z } from "zod";
import { defineEvent } from "../define-event.ts";

const request = z.strictObject({
  machine: z.string().min(1),
  reason: z.string().optional(),
  /** Self-protection is lifted for exactly this machine by naming it again. */
  confirm: z.string().optional(),
});

/** Off, confirmed, on, confirmed. */
export const powerCycle = defineEvent("power-cycle", {
  origin: "external",
  lane: "op",
  schema: request.extend({ hard: z.boolean().default(false) }),
  key: (data) => data.machine,
  intends: "on",
});

/** Bring a machine on and back into service. */
export const powerOnRequested = defineEvent("power-on-requested", {
  origin: "external",
  lane: "op",
  schema: request,
  key: (data) => data.machine,
  intends: "on",
});

/** Take a machine out of service and off. `hard` cuts the power when asked for; otherwise the operating system is asked. */
export const powerOffRequested = defineEvent("power-off-requested", {
  origin: "external",
  lane: "op",
  schema: request.extend({ hard: z.boolean().default(false) }),
  key: (data) => data.machine,
  intends: "off",
});

/** Drain a machine, switch it off and on, and measure what that takes: what `auto` rests on. */
export const drillRequested = defineEvent("drill-requested", {
  origin: "operator",
  schema: request,
  key: (data) => data.machine,
  intends: "on",
});

/** A machine has passed its drill. */
export const drillPassed = defineEvent("drill-passed", {
  schema: z.strictObject({ machine: z.string(), offMs: z.number(), bootMs: z.number(), gpus: z.number() }),
  key: (data) => data.machine,
});

/** A person had a machine's locator light blink, or stopped it (0 seconds). */
export const machineIdentified = defineEvent("machine-identified", {
  schema: z.strictObject({ machine: z.string(), seconds: z.number(), by: z.string() }),
  key: (data) => data.machine,
});

/** A machine's power was seen to change. */
export const powerChanged = defineEvent("power-changed", {
  schema: z.strictObject({ machine: z.string(), state: z.enum(["on", "off"]), raw: z.string() }),
  key: (data) => data.machine,
});

/** A machine is off and we did not ask for it: somebody may have their hands in it. */
export const machineFoundOff = defineEvent("machine-found-off", {
  schema: z.strictObject({ machine: z.string(), evidence: z.string() }),
  key: (data) => data.machine,
});
