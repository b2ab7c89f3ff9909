import { z } from "zod";
import { approvalDecided } from "#events";
import { fields } from "../body.ts";
import type { Desk } from "../port.ts";
import { answer, type Route } from "../route.ts";
import { accepted, submit } from "../submit.ts";

const decision = z.strictObject({
  step: z.string(),
  nonce: z.string(),
  digest: z.string(),
  approve: z.boolean(),
  note: z.string().max(2000).optional(),
});

/** What runs ask, and people's answers. */
export const questionRoutes = (desk: Desk): readonly Route[] => [
  { method: "GET", path: "/v1/questions", needs: "viewer", handle: async () => answer({ questions: await desk.questions() }) },
  {
    method: "POST",
    path: "/v1/runs/:id/decide",
    needs: "operator",
    async handle(ask) {
      const data = { run: ask.param("id"), ...fields(decision, await ask.json()) };
      return accepted(await submit(desk, ask, { type: approvalDecided.type, data }));
    },
  },
];
