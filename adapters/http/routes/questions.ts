import { z } from "zod";
import { approvalDecided } from "#events";
import { answer, type Route, route } from "../route.ts";
import { accepted as acceptedSchema, question } from "../schema/fleet.ts";
import { accepted, sent, submit } from "../submit.ts";

const decision = z.strictObject({
  step: z.string(),
  nonce: z.string(),
  digest: z.string(),
  approve: z.boolean(),
  note: z.string().max(2000).optional(),
});

/** What runs ask, and people's answers. */
export const questionRoutes: readonly Route[] = [
  route({
    id: "listQuestions",
    tag: "runs",
    method: "GET",
    path: "/v1/questions",
    needs: "viewer",
    summary: "what runs ask people",
    answers: { 200: z.strictObject({ questions: z.array(question) }) },
    handle: async ({ desk }) => answer({ questions: await desk.questions() }),
  }),
  route({
    ...sent("decide", "runs", "unfinished", "run"),
    method: "POST",
    path: "/v1/runs/:id/decide",
    summary: "answers a question, exactly as the question has it",
    body: decision,
    answers: { 202: acceptedSchema },
    handle: async (ask) => accepted(await submit(ask, { type: approvalDecided.type, data: { run: ask.param("id"), ...ask.body } })),
  }),
];
