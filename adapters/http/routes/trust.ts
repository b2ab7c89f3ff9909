import { z } from "zod";
import { trustChanged } from "#events";
import { fields } from "../body.ts";
import type { Desk } from "../port.ts";
import type { Route } from "../route.ts";
import { accepted, submit } from "../submit.ts";

const trust = z.strictObject({ scope: z.string(), name: z.string(), trust: z.string() });

/** How much a machine or a pool lets Lightsout do. */
export const trustRoutes = (desk: Desk): readonly Route[] => [
  {
    method: "POST",
    path: "/v1/trust",
    needs: "admin",
    handle: async (ask) => accepted(await submit(desk, ask, { type: trustChanged.type, data: fields(trust, await ask.json()) })),
  },
];
