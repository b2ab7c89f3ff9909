import { z } from "zod";
import { ProblemError } from "../problem.ts";
import { answer, type Route, route } from "../route.ts";
import { accepted as acceptedSchema, deadLetter } from "../schema/fleet.ts";
import { accepted } from "../submit.ts";

const seq = z.string().regex(/^[1-9]\d{0,14}$/);

/** Dead letters: events that no run could be made of, or whose run failed. */
export const deadRoutes: readonly Route[] = [
  route({
    id: "listDeadLetters",
    tag: "events",
    method: "GET",
    path: "/v1/dead",
    needs: "viewer",
    summary: "dead letters",
    answers: { 200: z.strictObject({ dead: z.array(deadLetter) }) },
    handle: async ({ desk }) => answer({ dead: await desk.dead() }),
  }),
  route({
    id: "replayDeadLetter",
    tag: "events",
    method: "POST",
    path: "/v1/dead/:seq/replay",
    needs: "operator",
    summary: "sends a dead letter's event again, as a new one",
    params: z.strictObject({ seq }),
    body: z.strictObject({}),
    answers: { 202: acceptedSchema },
    troubles: ["event", "letter"],
    async handle({ desk, param, who }) {
      const given = seq.safeParse(param("seq"));
      if (given.success) return accepted(await desk.replay(Number(given.data), who.name));
      throw new ProblemError(404, "LO_DEAD_UNKNOWN", `"${param("seq")}" is not the number of a dead letter`, {
        hint: "GET /v1/dead lists them",
      });
    },
  }),
];
