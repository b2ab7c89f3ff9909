import { z } from "zod";
import { answer, type Route, route } from "../route.ts";
import { scorecard } from "../schema/fleet.ts";

/** The shadow's scorecard. */
export const shadowRoutes: readonly Route[] = [
  route({
    id: "shadow",
    tag: "fleet",
    method: "GET",
    path: "/v1/shadow",
    needs: "viewer",
    summary: "the scorecard: what observe would have done in the last days, and what then happened",
    query: z.strictObject({ days: z.int().min(1).max(90).default(14) }),
    answers: { 200: scorecard },
    handle: async ({ desk, query }) => answer(await desk.shadow(query.days)),
  }),
];
