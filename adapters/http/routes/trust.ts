import { z } from "zod";
import { trustChanged } from "#events";
import { type Route, route } from "../route.ts";
import { accepted as acceptedSchema } from "../schema/fleet.ts";
import { accepted, sent, submit } from "../submit.ts";

const trust = z.strictObject({ scope: z.enum(["machine", "pool"]), name: z.string().min(1), trust: z.enum(["observe", "ask", "auto"]) });

/** How much a machine or a pool lets Lightsout do. */
export const trustRoutes: readonly Route[] = [
  route({
    ...sent("setTrust", "fleet"),
    method: "POST",
    path: "/v1/trust",
    needs: "admin",
    summary: "sets how much a machine or a pool lets Lightsout do",
    body: trust,
    answers: { 202: acceptedSchema },
    handle: async (ask) => accepted(await submit(ask, { type: trustChanged.type, data: ask.body })),
  }),
];
