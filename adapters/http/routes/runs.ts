import { z } from "zod";
import { runCancelRequested, runResumeRequested } from "#events";
import { fields } from "../body.ts";
import type { Desk } from "../port.ts";
import { ProblemError } from "../problem.ts";
import { type Ask, answer, type Route } from "../route.ts";
import type { Streams } from "../stream.ts";
import { accepted, submit } from "../submit.ts";
import { findParked, findRun } from "../waiting.ts";

const filters = z.object({
  status: z.enum(["queued", "running", "waiting", "asking", "parked", "finished"]).optional(),
  machine: z.string().optional(),
  function: z.string().optional(),
  prefix: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
const cancel = z.strictObject({ reason: z.string().optional() });
const resume = z.strictObject({ step: z.string().optional(), word: z.enum(["happened", "did-not-happen", "abandon"]) });

/** Runs: list, look, follow, cancel, resume. */
export const runRoutes = (desk: Desk, streams: Streams): readonly Route[] => [
  { method: "GET", path: "/v1/runs", needs: "viewer", query: Object.keys(filters.shape), handle: (ask) => list(desk, ask) },
  { method: "GET", path: "/v1/runs/:id", needs: "viewer", handle: async ({ param }) => answer(await findRun(desk, param("id"))) },
  { method: "GET", path: "/v1/runs/:id/events", needs: "viewer", handle: (ask) => follow(desk, streams, ask) },
  {
    method: "POST",
    path: "/v1/runs/:id/cancel",
    needs: "operator",
    async handle(ask) {
      const data = { run: ask.param("id"), ...fields(cancel, await ask.json()) };
      return accepted(await submit(desk, ask, { type: runCancelRequested.type, data }));
    },
  },
  {
    method: "POST",
    path: "/v1/runs/:id/resume",
    needs: "operator",
    async handle(ask) {
      const run = ask.param("id");
      const { step, word } = fields(resume, await ask.json());
      const parked = await findParked(desk, run, step);
      return accepted(await submit(desk, ask, { type: runResumeRequested.type, data: { run, step: parked.step, word } }));
    },
  },
];

/** The newest first; `prefix` finds runs by the beginning of their id. */
async function list(desk: Desk, ask: Ask): Promise<Response> {
  const want = fields(filters, ask.query);
  const all = await desk.runs();
  const found = all
    .filter((run) => want.status === undefined || run.status === want.status)
    .filter((run) => want.machine === undefined || run.key === want.machine)
    .filter((run) => want.function === undefined || run.function === want.function)
    .filter((run) => want.prefix === undefined || run.run.startsWith(want.prefix))
    .sort((a, b) => (a.startedAt < b.startedAt ? 1 : a.startedAt > b.startedAt ? -1 : 0));
  // A machine that is gone from the inventory keeps its runs; a name that has neither is a mistake, and this throws what it is.
  if (want.machine !== undefined && !all.some((run) => run.key === want.machine)) await desk.why(want.machine);
  return answer({ runs: found.slice(0, want.limit), total: found.length });
}

async function follow(desk: Desk, streams: Streams, ask: Ask): Promise<Response> {
  const id = ask.param("id");
  const last = ask.headers.get("last-event-id") ?? "0";
  if (!/^\d{1,15}$/.test(last)) {
    throw new ProblemError(400, "LO_HTTP_LAST_EVENT_ID", `Last-Event-ID is "${last}"`, { hint: "Send the id of the last event received" });
  }
  const { summary, journal } = await findRun(desk, id);
  const headers = { "content-type": "text/event-stream" };
  // Nobody reads the body of an answer to HEAD; and where a journal is purged, no end of it will ever come.
  if (ask.method === "HEAD" || (summary.status === "finished" && journal.length === 0)) return new Response("", { headers });
  return streams.open((onEntry) => desk.follow(id, onEntry), Number(last));
}
