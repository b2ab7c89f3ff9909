import type { Question } from "#adapters/http/port.ts";
import type { RunSummary } from "#events";
import type { WorkerProcess } from "#test/e2e/outside.ts";
import { names } from "./site.ts";

/** Agrees to what is asked, abandons what is parked, releases what is quarantined and ends a freeze: there are always people. */
export async function answerPeople(worker: WorkerProcess): Promise<void> {
  const attempt = (work: Promise<unknown>) => work.catch(() => undefined);
  const { questions = [] } = (await worker.call<{ questions: Question[] }>("GET", "/v1/questions").catch(() => undefined)) ?? {};
  for (const { run, step, nonce, digest } of questions) {
    await attempt(worker.call("POST", `/v1/runs/${run}/decide`, { step, nonce, digest, approve: true }));
  }
  const parked = await worker.call<{ runs: RunSummary[] }>("GET", "/v1/runs?status=parked").catch(() => ({ runs: [] }));
  for (const { run } of parked.runs) await attempt(worker.call("POST", `/v1/runs/${run}/resume`, { word: "abandon" }));
  for (const name of names) await attempt(worker.call("DELETE", `/v1/holds/machine/${name}`));
  await attempt(worker.call("DELETE", "/v1/freeze"));
}
