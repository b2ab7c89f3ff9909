import { z } from "zod";
import type { Desk, Health } from "../port.ts";
import { answer, type Route, route } from "../route.ts";
import { health, unknownHealth } from "../schema/fleet.ts";

const ready = z.strictObject({ ready: z.boolean() });

/** For probes and monitors: whether all is well, and whether the store takes events. Open to all; shows no names of machines. */
export const healthRoutes: readonly Route[] = [
  route({
    id: "health",
    tag: "health",
    method: "GET",
    path: "/healthz",
    needs: "nobody",
    summary: "200 while all is well, else 503, with details",
    answers: { 200: health, 503: z.union([health, unknownHealth]) },
    async handle({ desk }) {
      const found = await look(desk);
      return answer({ ...found, site: desk.site, version: desk.version }, found.ok ? 200 : 503);
    },
  }),
  route({
    id: "ready",
    tag: "health",
    method: "GET",
    path: "/readyz",
    needs: "nobody",
    summary: "200 while the store takes events, else 503",
    answers: { 200: ready, 503: ready },
    async handle({ desk }) {
      const found = await look(desk);
      const takes = "store" in found && found.store.ok;
      return answer({ ready: takes }, takes ? 200 : 503);
    },
  }),
];

/** A check that fails is an answer too. */
async function look(desk: Desk): Promise<Health | { readonly ok: false; readonly detail: string }> {
  try {
    return await desk.health();
  } catch {
    return { ok: false, detail: "Its health could not be read; the log of the server says why" };
  }
}
