import type { Entry, RunSummary } from "#events";
import type { Desk, Question } from "./port.ts";
import { ProblemError } from "./problem.ts";

type Parked = Extract<Entry, { is: "parked" }>;

/** The run, or throws `LO_UNKNOWN_RUN`. */
export async function findRun(desk: Desk, id: string): Promise<{ readonly summary: RunSummary; readonly journal: readonly Entry[] }> {
  const run = await desk.run(id);
  if (run) return run;
  throw new ProblemError(404, "LO_UNKNOWN_RUN", `No run has the id "${id}"`, { hint: "GET /v1/runs lists those there are" });
}

/** The run, unless it has ended: then throws `LO_RUN_FINISHED`. */
export async function findUnfinished(desk: Desk, id: string): ReturnType<typeof findRun> {
  const run = await findRun(desk, id);
  const last = run.journal.at(-1);
  if (last?.is !== "finished" && run.summary.status !== "finished") return run;
  const how = last?.is === "finished" ? ` ${last.status}` : "";
  throw new ProblemError(409, "LO_RUN_FINISHED", `Run ${id} has finished${how}; nothing of it can be changed any more`);
}

/** Where the run is parked now; throws `LO_RUN_NOT_PARKED` when it is not, or not at `step`. */
export async function findParked(desk: Desk, id: string, step?: string): Promise<Parked> {
  const { summary, journal } = await findUnfinished(desk, id);
  const parked = journal.findLast((entry) => entry.is === "parked" || entry.is === "word");
  if (parked?.is !== "parked") {
    throw new ProblemError(409, "LO_RUN_NOT_PARKED", `Run ${id} is not parked: it is ${summary.status} (${summary.reason})`, {
      hint: "Only a run that cannot know what happened waits for a person's word",
    });
  }
  if (step !== undefined && step !== parked.step) {
    throw new ProblemError(409, "LO_RUN_NOT_PARKED", `Run ${id} is parked at "${parked.step}", not at "${step}"`, {
      hint: "Look again: it may have moved on since",
    });
  }
  return parked;
}

/** The open question with exactly this step, nonce and digest; throws `LO_QUESTION_CLOSED` for any other. */
export async function findQuestion(
  desk: Desk,
  about: { readonly run: string; readonly step: string; readonly nonce: string; readonly digest: string },
): Promise<Question> {
  const questions = (await desk.questions()).filter((question) => question.run === about.run);
  const same = questions.find(({ step, nonce, digest }) => step === about.step && nonce === about.nonce && digest === about.digest);
  if (same) return same;
  await findRun(desk, about.run);
  const why = questions.length === 0 ? "asks nothing now" : "asks something else now";
  throw new ProblemError(409, "LO_QUESTION_CLOSED", `Run ${about.run} ${why}: this step, nonce and digest are not an open question`, {
    hint: "GET /v1/questions shows what is asked; decide on the plan that it shows",
  });
}
