import type { Desk, Health } from "../port.ts";
import { answer, type Route } from "../route.ts";

/** For probes and monitors: whether all is well, and whether the store takes events. Open to all; shows no names of machines. */
export const healthRoutes = (desk: Desk): readonly Route[] => [
  {
    method: "GET",
    path: "/healthz",
    needs: "nobody",
    async handle() {
      const health = await look(desk);
      return answer({ ...health, site: desk.site, version: desk.version }, health.ok ? 200 : 503);
    },
  },
  {
    method: "GET",
    path: "/readyz",
    needs: "nobody",
    async handle() {
      const health = await look(desk);
      const ready = "store" in health && health.store.ok;
      return answer({ ready }, ready ? 200 : 503);
    },
  },
];

/** A check that fails is an answer too. */
async function look(desk: Desk): Promise<Health | { readonly ok: false; readonly detail: string }> {
  try {
    return await desk.health();
  } catch {
    return { ok: false, detail: "Its health could not be read; the log of the server says why" };
  }
}
