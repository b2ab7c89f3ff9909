import { createJournal, ownerOf, RunLostError, readJournal } from "../journal.ts";
import type { Runs } from "../runs.ts";
import { catchUp } from "./hearing.ts";
import type { Hands } from "./held.ts";
import type { Begin } from "./intake.ts";
import type { Office } from "./office.ts";

/**
 * How this worker begins a run: in the index first, so that none can begin and be forgotten, then with its journal's first entry, which
 * expects an empty journal.
 */
export const createBegin =
  (office: Office, runs: Runs, hands: Hands, halted: AbortSignal): Begin =>
  async (spec, run, subject, item) => {
    const { store, clock } = office;
    if (await store.log.last("journal", subject)) return;
    const worker = office.worker();
    const key = spec.on.key(item.event.data);
    const at = new Date(clock.now()).toISOString();
    const { type, id, source } = item.event;
    const name = { run, function: spec.id, key, subject, event: { type, id, source }, worker };
    const state = { status: "queued", reason: "accepted", nextWake: at, startedAt: at, updatedAt: at, obligations: [] } as const;
    await runs.set(run, (known) => (known ? undefined : { ...name, ...state }));
    const journal = createJournal({ store, clock, worker, run, subject, entries: [], last: 0, signal: halted });
    const started = { is: "started", function: spec.id, key, event: item.event as never, position: item.position } as const;
    try {
      await journal.append(started);
      office.log.fact({ run, function: spec.id, key }, started);
    } catch (error) {
      if (error instanceof RunLostError && !halted.aborted) return;
      throw error;
    }
    const { entries, last } = await readJournal(store, subject);
    if (ownerOf(entries) !== office.worker() || halted.aborted) return;
    // A cancellation may have overtaken it: its id is known from the moment its event was accepted.
    hands.take(spec, { run, subject, entries, last }, catchUp);
  };
