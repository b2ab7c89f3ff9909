import { z } from "zod";
import { type Clock, freezeReleased, freezeRequested } from "#events";
import { fields } from "../body.ts";
import { within } from "../deadline.ts";
import type { Desk } from "../port.ts";
import { answer, type Route } from "../route.ts";
import { accepted, submit } from "../submit.ts";

const freeze = z.strictObject({ reason: z.string() });
const release = z.strictObject({ reason: z.string().optional() });

const patienceMs = 2000;

/** What stood before; nothing where it cannot be read, or not soon, which must not hinder a freeze. */
const standing = (desk: Desk, clock: Clock) =>
  within(clock, patienceMs, desk.frozen(), () => undefined).then(
    (frozen) => ({ before: frozen ?? null }),
    () => ({}),
  );

/** The stop that always works. The answers carry the freeze in force, and in `before` the one there was: a local STOP file is not lifted from here. */
export const freezeRoutes = (desk: Desk, clock: Clock): readonly Route[] => [
  { method: "GET", path: "/v1/freeze", needs: "viewer", handle: async () => answer({ frozen: (await desk.frozen()) ?? null }) },
  {
    method: "POST",
    path: "/v1/freeze",
    needs: "operator",
    async handle(ask) {
      const data = fields(freeze, await ask.json());
      const was = await standing(desk, clock);
      return accepted(await submit(desk, ask, { type: freezeRequested.type, data }), { frozen: (await desk.frozen()) ?? null, ...was });
    },
  },
  {
    method: "DELETE",
    path: "/v1/freeze",
    needs: "operator",
    async handle(ask) {
      const data = fields(release, await ask.json());
      const was = await standing(desk, clock);
      return accepted(await submit(desk, ask, { type: freezeReleased.type, data }), { frozen: (await desk.frozen()) ?? null, ...was });
    },
  },
];
