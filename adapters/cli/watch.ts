import type { Entry, RunSummary } from "#events";
import { segment } from "./client.ts";
import type { Exit } from "./exit-codes.ts";
import { Failure } from "./failure.ts";
import { entryLine, nextLines, waitsFor } from "./journal.ts";
import type { Shell } from "./shell.ts";

/** A run and its journal. */
export interface Run {
  readonly summary: RunSummary;
  readonly journal: readonly Entry[];
}

const beginMs = 30_000;
const mostBreaks = 5;

/** A run and its journal, as they stand. */
export const readRun = (shell: Shell, run: string): Promise<Run> => shell.client.get<Run>(`/v1/runs/${segment(run)}`);

/** The run of an event that was just let in: it begins in a moment. */
async function begun(shell: Shell, run: string): Promise<Run> {
  const start = shell.clock.mono();
  for (;;) {
    try {
      return await readRun(shell, run);
    } catch (error) {
      const late = shell.clock.mono() - start > beginMs;
      if (!(error instanceof Failure) || error.code !== "LO_UNKNOWN_RUN" || late) throw error;
      await shell.clock.sleep(200);
    }
  }
}

/**
 * Shows a run's progress until it has finished, or with `untilPerson` until it waits for one. A broken connection is taken up again
 * where it broke. A run that ended any other way than `ok` has not done what was asked.
 */
export async function watch(shell: Shell, run: string, options: { untilPerson: boolean }): Promise<{ exit: Exit } & Run> {
  let last = "";
  let breaks = 0;
  await begun(shell, run);
  for (;;) {
    for await (const sent of shell.client.events(`/v1/runs/${segment(run)}/events`, last)) {
      last = sent.id;
      breaks = 0;
      const entry = JSON.parse(sent.data) as Entry;
      shell.say(entryLine(entry, shell.clock.now()));
      const stops = entry.is === "parked" || entry.is === "asked";
      if (!stops && entry.is !== "finished") continue;
      const now = await readRun(shell, run);
      const waiting = waitsFor(now.journal);
      if (entry.is === "finished") return { exit: entry.status === "ok" ? "ok" : "failed", ...now };
      if (!waiting || waiting.id !== entry.id) continue;
      shell.say("", ...nextLines(run, waiting));
      if (options.untilPerson) return { exit: "person", ...now };
    }
    const now = await readRun(shell, run);
    if (now.summary.status === "finished" && now.journal.length === 0) return { exit: "failed", ...now };
    breaks += 1;
    if (breaks > mostBreaks) {
      throw new Failure("unreachable", `The progress of run ${run} broke off ${breaks} times`, {
        hint: `The run goes on by itself; look again with: lightsout show ${run}`,
      });
    }
    await shell.clock.sleep(500);
  }
}
