import { type Entry, type RunSummary, readJournal } from "#events";
import type { Lab } from "./lab.ts";

/**
 * The journal of a run once it has ended or waits for a person; what stands when `withinMs` of the lab's time have passed without.
 *
 * @param options.look sees the journal once a second of the lab's, and at the end
 */
export async function followed(
  { rack: { clock }, lightsout }: Lab,
  find: () => Promise<RunSummary | undefined>,
  options: { withinMs: number; look?: (entries: readonly Entry[]) => Promise<void> },
): Promise<readonly Entry[]> {
  for (const end = clock.mono() + options.withinMs; ; await clock.sleep(1000)) {
    const run = await find();
    const { entries } = run ? await readJournal(lightsout.store, run.subject) : { entries: [] };
    await options.look?.(entries);
    const last = entries.at(-1)?.is;
    if (last === "finished" || last === "parked" || clock.mono() > end) return entries;
  }
}
