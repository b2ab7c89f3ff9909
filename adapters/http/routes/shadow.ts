import { z } from "zod";
import { fields } from "../body.ts";
import type { Desk } from "../port.ts";
import { answer, type Route } from "../route.ts";

const filters = z.object({ days: z.coerce.number().int().min(1).max(90).default(14) });

/** The shadow's scorecard. */
export const shadowRoutes = (desk: Desk): readonly Route[] => [
  {
    method: "GET",
    path: "/v1/shadow",
    needs: "viewer",
    query: ["days"],
    handle: async (ask) => answer(await desk.shadow(fields(filters, ask.query).days)),
  },
];
