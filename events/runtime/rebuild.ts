import { runFinished } from "../catalogue/run.ts";
import { type Entry, isFinished, openObligations, ownerOf, readJournal } from "../journal.ts";
import type { RunSummary, Runs } from "../runs.ts";
import type { Office } from "./office.ts";

/**
 * Puts runs into the index that only their journals know of. What is left of purged journals is not a run any more. A run that ended is
 * finished when it was seen to; until then somebody has to do what follows its end.
 */
export async function rebuildIndex(office: Office, runs: Runs): Promise<void> {
  const { store, clock } = office;
  const known = new Set((await runs.all()).map((summary) => summary.subject));
  for (const subject of await store.log.subjects("journal", ">")) {
    if (known.has(subject)) continue;
    const [first] = await store.log.read("journal", subject, { limit: 1 });
    if ((first?.data as { is?: string } | undefined)?.is !== "started") continue;
    const { entries } = await readJournal(store, subject);
    const run = subject.split(".")[1] ?? "";
    const finished = await wasSeenTo(office, run, entries);
    const summary = summaryOf({ run, subject, finished }, entries, clock.now());
    if (summary) await runs.set(summary.run, (now) => (now ? undefined : summary));
  }
}

/** Whether what follows the run's end was done. That it was told is the last of it; where not even its own event is kept, it was long ago. */
async function wasSeenTo({ bus, store }: Office, run: string, entries: readonly Entry[]): Promise<boolean> {
  const [started] = entries;
  if (started?.is !== "started" || !isFinished(entries)) return false;
  if ((await bus.since(runFinished, run, 0)).length > 0) return true;
  const [oldest] = await store.log.read("events", ">", { after: started.position - 1, limit: 1 });
  return oldest?.seq !== started.position;
}

function summaryOf(
  about: { readonly run: string; readonly subject: string; readonly finished: boolean },
  entries: readonly Entry[],
  now: number,
): RunSummary | undefined {
  const started = entries[0];
  const last = entries.at(-1);
  if (started?.is !== "started" || !last) return undefined;
  const { type, id, source } = started.event;
  const { run, subject, finished } = about;
  return {
    run,
    function: started.function,
    key: started.key,
    subject,
    event: { type, id, source },
    worker: ownerOf(entries) ?? "",
    ...(finished && last.is === "finished"
      ? { status: "finished", reason: `${last.status}${last.reason ? `: ${last.reason}` : ""}` }
      : { status: "queued", reason: "found in its journal", nextWake: new Date(now).toISOString() }),
    startedAt: new Date(started.at).toISOString(),
    updatedAt: new Date(last.at).toISOString(),
    obligations: openObligations(entries),
    entries: entries.length,
  };
}
