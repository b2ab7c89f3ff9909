import { createJournal, type Entry, RunLostError } from "../journal.ts";
import type { Runs } from "../runs.ts";
import type { Ear } from "./hearing.ts";
import type { Hands } from "./held.ts";
import type { Begin } from "./intake.ts";
import type { Office } from "./office.ts";

/**
 * How this worker begins a run: with its journal's first entry, which expects an empty journal, and with an entry in the index. Both are
 * durable before the event is settled, so none can begin and be forgotten: an event that comes again repeats whatever is missing.
 *
 * A run that acts stands in the index before its journal begins, for guards look there. One that acts on nothing is quick as a rule, and is
 * written there when it has ended, or is not as quick.
 */
export const createBegin =
  (office: Office, runs: Runs, hands: Hands, ear: Ear, halted: AbortSignal): Begin =>
  async (spec, run, subject, item) => {
    const { store, clock } = office;
    const worker = office.worker();
    const key = spec.on.key(item.event.data);
    const list = () => {
      const at = new Date(clock.now()).toISOString();
      const { type, id, source } = item.event;
      const name = { run, function: spec.id, key, subject, event: { type, id, source }, worker };
      return runs.begin({ ...name, status: "queued", reason: "accepted", nextWake: at, startedAt: at, updatedAt: at, obligations: [] });
    };
    // Not what operators say: that is taken one after the other, and none may wait for the run of the one before.
    const listedLater = spec.acts.length === 0 && spec.on.lane !== "op";
    const revision = listedLater ? 0 : await list();
    const journal = createJournal({ store, clock, worker, run, subject, entries: [], last: 0, signal: halted });
    const started = { is: "started", function: spec.id, key, event: item.event as never, position: item.position } as const;
    const ours = await journal.append(started).then(
      () => true,
      (error: unknown) => {
        // Begun before, by us or another: the event came again.
        if (error instanceof RunLostError && !halted.aborted) return false;
        throw error;
      },
    );
    if (!ours) {
      if (listedLater) await list();
      // What ended long ago and was forgotten, but for its tombstone, stays so.
      const [first] = await store.log.read("journal", subject, { limit: 1 });
      if ((first?.data as Entry | undefined)?.is === "finished") await runs.drop(run);
      else office.search.wanted();
      return;
    }
    office.log.fact({ run, function: spec.id, key }, started);
    if (halted.aborted || worker !== office.worker()) {
      office.search.wanted();
      throw new RunLostError(run);
    }
    // A cancellation may have overtaken it: its id is known from the moment its event was accepted.
    await hands.take(spec, { run, subject, entries: [...journal.entries], last: journal.last(), revision }, ear.catchUp);
  };
