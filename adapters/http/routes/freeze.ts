import { z } from "zod";
import { freezeReleased, freezeRequested } from "#events";
import { fields } from "../body.ts";
import type { Desk } from "../port.ts";
import { answer, type Route } from "../route.ts";
import { accepted, submit } from "../submit.ts";

const freeze = z.strictObject({ reason: z.string() });
const release = z.strictObject({ reason: z.string().optional() });

/** The stop that always works. The answers carry the freeze in force: a local STOP file is not lifted from here. */
export const freezeRoutes = (desk: Desk): readonly Route[] => [
  { method: "GET", path: "/v1/freeze", needs: "viewer", handle: async () => answer({ frozen: (await desk.frozen()) ?? null }) },
  {
    method: "POST",
    path: "/v1/freeze",
    needs: "operator",
    async handle(ask) {
      const data = fields(freeze, await ask.json());
      return accepted(await submit(desk, ask, { type: freezeRequested.type, data }), { frozen: (await desk.frozen()) ?? null });
    },
  },
  {
    method: "DELETE",
    path: "/v1/freeze",
    needs: "operator",
    async handle(ask) {
      const data = fields(release, await ask.json());
      return accepted(await submit(desk, ask, { type: freezeReleased.type, data }), { frozen: (await desk.frozen()) ?? null });
    },
  },
];
