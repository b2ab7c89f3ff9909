import type { Desk } from "../port.ts";
import { ProblemError } from "../problem.ts";
import { answer, type Route } from "../route.ts";
import { accepted } from "../submit.ts";

/** Dead letters: events that no run could be made of, or whose run failed. */
export const deadRoutes = (desk: Desk): readonly Route[] => [
  { method: "GET", path: "/v1/dead", needs: "viewer", handle: async () => answer({ dead: await desk.dead() }) },
  {
    method: "POST",
    path: "/v1/dead/:seq/replay",
    needs: "operator",
    async handle({ param, who }) {
      const seq = param("seq");
      if (!/^[1-9]\d{0,14}$/.test(seq)) {
        throw new ProblemError(404, "LO_DEAD_UNKNOWN", `"${seq}" is not the number of a dead letter`, { hint: "GET /v1/dead lists them" });
      }
      return accepted(await desk.replay(Number(seq), who.name));
    },
  },
];
