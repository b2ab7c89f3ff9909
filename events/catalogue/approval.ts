import { z } from "zod";
import { defineEvent } from "../define-event.ts";

/** A run asks a person. The decision must name run, step, nonce and the digest of exactly this plan. */
export const approvalRequested = defineEvent("approval-requested", {
  schema: z.strictObject({
    run: z.string(),
    step: z.string(),
    nonce: z.string(),
    digest: z.string(),
    ask: z.string(),
    plan: z.json(),
    from: z.string(),
    until: z.iso.datetime(),
  }),
  key: (data) => data.run,
});

/** A person decided. */
export const approvalDecided = defineEvent("approval-decided", {
  origin: "operator",
  schema: z.strictObject({
    run: z.string(),
    step: z.string(),
    nonce: z.string(),
    digest: z.string(),
    approve: z.boolean(),
    note: z.string().optional(),
  }),
  key: (data) => data.run,
});
