import type { Scorecard, ShadowRow } from "#adapters/http/port.ts";
import { type Entry, nodeReady, type RunSummary, readJournal, type Worker } from "#events";

/** A journal with who wrote it. */
interface Kept {
  readonly summary: RunSummary;
  readonly entries: readonly Entry[];
}

/**
 * What Lightsout would have done where it only observes, and what then happened: the machine came back alone, a person or a later run
 * switched it, or it is gone still. From the journals of the last `days`; those that were purged are not in it.
 */
export async function scorecard({ runs, office }: Worker, days: number): Promise<Scorecard> {
  const from = office.clock.now() - days * 86_400_000;
  const recent = (await runs.all()).filter(({ startedAt }) => Date.parse(startedAt) >= from);
  const kept = await Promise.all(
    recent.map(async (summary): Promise<Kept> => ({ summary, entries: (await readJournal(office.store, summary.subject)).entries })),
  );
  const observed = kept.filter(({ entries }) => statusOf(entries) === "observed");
  const rows = await Promise.all(observed.map((one) => rowOf(one, kept)));
  rows.sort((a, b) => (a.at < b.at ? -1 : 1));
  const count = (then: ShadowRow["then"]) => rows.filter((row) => row.then === then).length;
  const totals = {
    decided: rows.length,
    cameBackAlone: count("came-back-alone"),
    switchedLater: count("switched-later"),
    heldBack: rows.filter(({ heldBackBy }) => heldBackBy.length > 0).length,
    open: count("open"),
  };
  return { days, totals, rows };

  async function rowOf({ summary, entries }: Kept, all: readonly Kept[]): Promise<ShadowRow> {
    const { run, function: functionId, key: machine } = summary;
    const started = entries[0];
    const ended = entries.at(-1);
    const judged = entries.findLast((entry) => entry.is === "judged");
    const verdicts = judged?.is === "judged" ? judged.verdicts : [];
    const at = ended?.at ?? 0;
    const [ready] = started?.is === "started" ? await office.bus.since(nodeReady, machine, started.position) : [];
    const later = all.find(
      (other) => other.summary.key === machine && other.entries.some((entry) => entry.is === "intent" && entry.at > at),
    );
    const switched = later?.entries.find((entry) => entry.is === "intent" && entry.at > at)?.at;
    const alone = ready !== undefined && (switched === undefined || ready.received < switched);
    const then = alone ? "came-back-alone" : switched === undefined ? "open" : "switched-later";
    const after = alone ? ready.received - at : switched === undefined ? undefined : switched - at;
    return {
      run,
      function: functionId,
      machine,
      at: new Date(at).toISOString(),
      would: ended?.is === "finished" ? (ended.reason ?? "") : "",
      verdicts,
      heldBackBy: verdicts.filter(({ guard, says }) => guard !== "trust" && says !== "allow").map(({ guard }) => guard),
      then,
      ...(after === undefined ? {} : { afterMs: Math.max(0, after) }),
    };
  }
}

function statusOf(entries: readonly Entry[]): string | undefined {
  const last = entries.at(-1);
  return last?.is === "finished" ? last.status : undefined;
}
