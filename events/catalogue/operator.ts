import { z } from "zod";
import { defineEvent } from "../define-event.ts";

/** What a hold covers. */
const holdScope = z.enum(["machine", "pool", "rack", "all"]);

/** Keep hands off a machine, a pool or a rack. */
export const holdRequested = defineEvent("hold-requested", {
  origin: "operator",
  schema: z.strictObject({ scope: holdScope, name: z.string().min(1), reason: z.string().min(1), until: z.iso.datetime().optional() }),
  key: (data) => data.name,
});

/** A hold (or a quarantine) is taken back. */
export const holdReleased = defineEvent("hold-released", {
  origin: "operator",
  schema: z.strictObject({ scope: holdScope, name: z.string().min(1) }),
  key: (data) => data.name,
});

/** Stop every act everywhere, now. */
export const freezeRequested = defineEvent("freeze-requested", {
  origin: "operator",
  schema: z.strictObject({ reason: z.string().min(1) }),
  key: () => "fleet",
});

/** Acts may go on. */
export const freezeReleased = defineEvent("freeze-released", {
  origin: "operator",
  schema: z.strictObject({ reason: z.string().optional() }),
  key: () => "fleet",
});

/** How much a machine or a pool lets Lightsout do. */
export const trustChanged = defineEvent("trust-changed", {
  origin: "operator",
  schema: z.strictObject({ scope: z.enum(["machine", "pool"]), name: z.string().min(1), trust: z.enum(["observe", "ask", "auto"]) }),
  key: (data) => data.name,
});

/** A person stops a run at its next step. */
export const runCancelRequested = defineEvent("run-cancel-requested", {
  origin: "operator",
  schema: z.strictObject({ run: z.string().min(1), reason: z.string().optional() }),
  key: (data) => data.run,
});

/** A person says what happened to a parked run's act. */
export const runResumeRequested = defineEvent("run-resume-requested", {
  origin: "operator",
  schema: z.strictObject({ run: z.string().min(1), step: z.string(), word: z.enum(["happened", "did-not-happen", "abandon"]) }),
  key: (data) => data.run,
});

/** A named person says that a machine is off, where its BMC cannot: it counts as off until then, or until anything on it shows life. */
export const offAttested = defineEvent("off-attested", {
  origin: "operator",
  schema: z.strictObject({ machine: z.string().min(1), reason: z.string().min(1), until: z.iso.datetime() }),
  key: (data) => data.machine,
});

/** It no longer counts: the person takes it back, or the machine showed life. */
export const attestationEnded = defineEvent("attestation-ended", {
  origin: "operator",
  schema: z.strictObject({ machine: z.string().min(1), reason: z.string().min(1) }),
  key: (data) => data.machine,
});
