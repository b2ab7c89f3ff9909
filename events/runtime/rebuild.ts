import { runFinished } from "../catalogue/run.ts";
import { type Entry, isFinished, openObligations, ownerOf, readJournal } from "../journal.ts";
import type { RunSummary, Runs } from "../runs.ts";
import type { Office } from "./office.ts";

/**
 * Puts runs into the index that only their journals know of. What is left of purged journals is not a run any more. A run that ended is
 * finished when that was told, which is the last thing done of it; until then somebody has to see to what follows its end.
 */
export async function rebuildIndex({ store, clock, bus }: Office, runs: Runs): Promise<void> {
  const known = new Set((await runs.all()).map((summary) => summary.subject));
  for (const subject of await store.log.subjects("journal", ">")) {
    if (known.has(subject)) continue;
    const [first] = await store.log.read("journal", subject, { limit: 1 });
    if ((first?.data as { is?: string } | undefined)?.is !== "started") continue;
    const { entries } = await readJournal(store, subject);
    const run = subject.split(".")[1] ?? "";
    const told = isFinished(entries) && (await bus.since(runFinished, run, 0)).length > 0;
    const summary = summaryOf({ run, subject, told }, entries, clock.now());
    if (summary) await runs.set(summary.run, (now) => (now ? undefined : summary));
  }
}

function summaryOf(
  { run, subject, told }: { run: string; subject: string; told: boolean },
  entries: readonly Entry[],
  now: number,
): RunSummary | undefined {
  const started = entries[0];
  const last = entries.at(-1);
  if (started?.is !== "started" || !last) return undefined;
  const { type, id, source } = started.event;
  return {
    run,
    function: started.function,
    key: started.key,
    subject,
    event: { type, id, source },
    worker: ownerOf(entries) ?? "",
    ...(told && last.is === "finished"
      ? { status: "finished", reason: `${last.status}${last.reason ? `: ${last.reason}` : ""}` }
      : { status: "queued", reason: "found in its journal", nextWake: new Date(now).toISOString() }),
    startedAt: new Date(started.at).toISOString(),
    updatedAt: new Date(last.at).toISOString(),
    obligations: openObligations(entries),
    entries: entries.length,
  };
}
