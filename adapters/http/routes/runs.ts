import { z } from "zod";
import { runCancelRequested, runResumeRequested } from "#events";
import { ProblemError } from "../problem.ts";
import { type Ask, answer, type Route, route } from "../route.ts";
import { accepted as acceptedSchema } from "../schema/fleet.ts";
import { entry } from "../schema/journal.ts";
import { runSummary } from "../schema/run.ts";
import { accepted, sent, submit } from "../submit.ts";
import { findParked, findRun } from "../waiting.ts";

const filters = z.strictObject({
  status: runSummary.shape.status.optional(),
  machine: z.string().optional(),
  function: z.string().optional(),
  prefix: z.string().optional().describe("of the run's id"),
  limit: z.int().min(1).max(1000).default(100),
});
const cancel = z.strictObject({ reason: z.string().optional() });
const resume = z.strictObject({ step: z.string().optional(), word: z.enum(["happened", "did-not-happen", "abandon"]) });
const lastId = z.string().regex(/^\d{1,15}$/);

/** Runs: list, look, follow, cancel, resume. */
export const runRoutes: readonly Route[] = [
  route({
    id: "listRuns",
    tag: "runs",
    method: "GET",
    path: "/v1/runs",
    needs: "viewer",
    summary: "runs, the newest first",
    query: filters,
    answers: { 200: z.strictObject({ runs: z.array(runSummary), total: z.int().describe("how many there are in all") }) },
    troubles: ["machine"],
    handle: list,
  }),
  route({
    id: "showRun",
    tag: "runs",
    method: "GET",
    path: "/v1/runs/:id",
    needs: "viewer",
    summary: "a run and its journal",
    answers: { 200: z.strictObject({ summary: runSummary, journal: z.array(entry) }) },
    troubles: ["run"],
    handle: async ({ desk, param }) => answer(await findRun(desk, param("id"))),
  }),
  route({
    id: "followRun",
    tag: "runs",
    method: "GET",
    path: "/v1/runs/:id/events",
    needs: "viewer",
    summary: "the journal as server-sent events",
    notes:
      "From the first entry, or from after the `Last-Event-ID` that is sent, then live; ends behind `finished`. " +
      "`event` is what the entry is, `data` a JournalEntry as JSON; a comment line shows that a silent stream lives.",
    headers: z.strictObject({ "Last-Event-ID": lastId.optional() }),
    answers: { 200: entry },
    stream: true,
    troubles: ["run", "stream"],
    handle: follow,
  }),
  route({
    ...sent("cancelRun", "runs", "unfinished", "run"),
    method: "POST",
    path: "/v1/runs/:id/cancel",
    summary: "ends the run at its next step",
    body: cancel,
    answers: { 202: acceptedSchema },
    handle: async (ask) => accepted(await submit(ask, { type: runCancelRequested.type, data: { run: ask.param("id"), ...ask.body } })),
  }),
  route({
    ...sent("resumeRun", "runs", "unfinished", "run"),
    method: "POST",
    path: "/v1/runs/:id/resume",
    summary: "a person's word on a parked run",
    body: resume,
    answers: { 202: acceptedSchema },
    async handle(ask) {
      const run = ask.param("id");
      const { step, word } = ask.body;
      const parked = await findParked(ask.desk, run, step);
      return accepted(await submit(ask, { type: runResumeRequested.type, data: { run, step: parked.step, word } }));
    },
  }),
];

/** The newest first; `prefix` finds runs by the beginning of their id. */
async function list({ desk, query: want }: Ask<z.output<typeof filters>>): Promise<Response> {
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

async function follow({ desk, headers, method, param, streams }: Ask): Promise<Response> {
  const id = param("id");
  const last = headers.get("last-event-id") ?? "0";
  if (!lastId.safeParse(last).success) {
    throw new ProblemError(400, "LO_HTTP_LAST_EVENT_ID", `Last-Event-ID is "${last}"`, { hint: "Send the id of the last event received" });
  }
  const { summary, journal } = await findRun(desk, id);
  const type = { "content-type": "text/event-stream" };
  // Nobody reads the body of an answer to HEAD; and where a journal is purged, no end of it will ever come.
  if (method === "HEAD" || (summary.status === "finished" && journal.length === 0)) return new Response("", { headers: type });
  return streams.open((onEntry) => desk.follow(id, onEntry), Number(last));
}
