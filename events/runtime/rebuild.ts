import { runFinished } from "../catalogue/run.ts";
import { openObligations, ownerOf, readJournal } from "../journal.ts";
import type { RunSummary, Runs } from "../runs.ts";
import type { Office } from "./office.ts";

/**
 * Puts runs into the index that only their journals know of. What is left of purged journals is not a run any more. A run that ended is
 * finished when it was seen to; until then somebody has to do what follows its end.
 */
export async function rebuildIndex(office: Office, runs: Runs): Promise<void> {
  const { store } = office;
  const known = new Set((await runs.all()).map((summary) => summary.subject));
  for (const subject of await store.log.subjects("journal", ">")) {
    if (known.has(subject)) continue;
    const [first] = await store.log.read("journal", subject, { limit: 1 });
    if ((first?.data as { is?: string } | undefined)?.is !== "started") continue;
    const summary = await summaryFromJournal(office, subject);
    if (summary) await runs.set(summary.run, (now) => (now ? undefined : summary));
  }
}

/** A run as its journal alone tells of it; `undefined` for what is left of one that was purged. */
export async function summaryFromJournal(office: Office, subject: string): Promise<RunSummary | undefined> {
  const { entries } = await readJournal(office.store, subject);
  const [started] = entries;
  const last = entries.at(-1);
  if (started?.is !== "started" || !last) return undefined;
  const run = subject.split(".")[1] ?? "";
  const { type, id, source } = started.event;
  return {
    run,
    function: started.function,
    key: started.key,
    subject,
    event: { type, id, source },
    worker: ownerOf(entries) ?? "",
    ...(last.is === "finished" && (await wasSeenTo(office, run, started))
      ? { status: "finished", reason: `${last.status}${last.reason ? `: ${last.reason}` : ""}` }
      : { status: "queued", reason: "found in its journal", nextWake: new Date(office.clock.now()).toISOString() }),
    startedAt: new Date(started.at).toISOString(),
    updatedAt: new Date(last.at).toISOString(),
    obligations: openObligations(entries),
    entries: entries.length,
  };
}

/**
 * Whether what follows the end of a run was done. That the end was told is the last of it; where not even the event that began it is kept any
 * more, it was long ago.
 */
async function wasSeenTo({ bus, store }: Office, run: string, { key, position }: { key: string; position: number }): Promise<boolean> {
  // Told under its machine, or under its own name where it acts on none.
  const ends = await Promise.all([key, run].map((about) => bus.since(runFinished, about, position)));
  if (ends.flat().some(({ event }) => event.data.run === run)) return true;
  const [oldest] = await store.log.read("events", ">", { after: position - 1, limit: 1 });
  return oldest?.seq !== position;
}
