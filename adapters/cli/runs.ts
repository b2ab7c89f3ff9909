import type { RunSummary } from "#events";
import { segment } from "./client.ts";
import { Failure } from "./failure.ts";
import type { Shell } from "./shell.ts";

/** The one run whose id is, or begins with, what was given. */
export async function findRun(shell: Shell, given: string): Promise<RunSummary> {
  if (given === "") throw new Failure("usage", "The run's id is empty", { hint: "`lightsout runs` lists them" });
  const { runs, total } = await shell.client.get<{ runs: RunSummary[]; total: number }>(`/v1/runs?prefix=${segment(given)}&limit=1000`);
  const exact = runs.find(({ run }) => run === given) ?? (total === 1 ? runs[0] : undefined);
  if (exact) return exact;
  if (total === 0) {
    throw new Failure("failed", `No run's id begins with "${given}"`, { code: "LO_UNKNOWN_RUN", hint: "`lightsout runs` lists them" });
  }
  const some = runs.slice(0, 5).map(({ run }) => run);
  throw new Failure("usage", `${total} runs' ids begin with "${given}": ${some.join(", ")}${total > 5 ? ", …" : ""}`, {
    hint: "Give more of it",
  });
}
