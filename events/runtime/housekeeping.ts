import { explain } from "../errors.ts";
import type { Entry } from "../journal.ts";
import type { Runs } from "../runs.ts";
import type { Office } from "./office.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** How long finished runs stay readable, unless the worker is told otherwise: 90 days. */
export const keepFinishedMs = 90 * dayMs;

/** Tidies once an hour until it is halted. */
export async function keepHouse(office: Office, runs: Runs, keepMs: number, halted: AbortSignal): Promise<void> {
  while (!halted.aborted) {
    await office.clock.sleep(hourMs, halted).catch(() => undefined);
    if (halted.aborted) return;
    await tidy(office, runs, keepMs).catch((error) => office.log.note("warn", `tidying failed, again in an hour: ${explain(error)}`));
  }
}

/**
 * Forgets runs that finished more than `keepMs` ago. Their last entry stays, so that their events, sent again, still start nothing.
 * Journals of unfinished runs are never touched, however old. Entries of the index whose run never began go after a day.
 */
async function tidy({ store, clock }: Office, runs: Runs, keepMs: number): Promise<void> {
  const now = clock.now();
  for (const { run, subject, updatedAt } of await runs.all()) {
    const age = now - Date.parse(updatedAt);
    if (age < Math.min(dayMs, keepMs)) continue;
    const last = (await store.log.last("journal", subject))?.data as Entry | undefined;
    if (last === undefined) await runs.drop(run);
    else if (last.is === "finished" && now - last.at >= keepMs) {
      await store.log.purge("journal", subject, { keep: 1 });
      await runs.drop(run);
    }
  }
}
