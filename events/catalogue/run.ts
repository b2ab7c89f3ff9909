import { z } from "zod";
import { defineEvent } from "../define-event.ts";

const about = z.object({ run: z.string(), function: z.string(), machine: z.string().optional() });

/** A run stopped because it cannot know what happened. It asks a person and never guesses. */
export const runParked = defineEvent("run-parked", {
  schema: about.extend({ step: z.string(), reason: z.string(), undo: z.array(z.string()) }),
  key: (data) => data.run,
});

/** A run ended. */
export const runFinished = defineEvent("run-finished", {
  schema: about.extend({ status: z.string(), reason: z.string().optional() }),
  key: (data) => data.machine ?? data.run,
});

/** A run of higher precedence wants the machine: the holder ends at its next step and hands over what it left. */
export const runSuperseded = defineEvent("run-superseded", {
  schema: z.object({ run: z.string(), by: z.string(), function: z.string() }),
  key: (data) => data.run,
});

/** A machine is left alone until a person releases it. */
export const machineQuarantined = defineEvent("machine-quarantined", {
  schema: z.object({ machine: z.string(), reason: z.string(), run: z.string(), undo: z.array(z.string()) }),
  key: (data) => data.machine,
});
