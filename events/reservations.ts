import { createRecords } from "./records.ts";
import { type EventStore, encodeToken } from "./store.ts";

/** A count of something used by runs, dated: what budgets are made of. Each run counts once. */
export interface Reservations {
  /**
   * Reserves one use of `budget` for `run` if `allow` agrees with the uses so far (this run's own left out), in one
   * compare-and-set. A run that has its use already keeps it. False when `allow` said no.
   */
  reserve(budget: string, run: string, now: number, allow: (used: readonly Use[]) => boolean): Promise<boolean>;
  uses(budget: string): Promise<readonly Use[]>;
  /** Gives a use back (the run never acted). */
  giveBack(budget: string, run: string): Promise<void>;
}

export interface Use {
  readonly run: string;
  /** Wall clock milliseconds. */
  readonly at: number;
}

/** @param keepMs how long uses are remembered; the longest window of any budget */
export function createReservations(store: EventStore, keepMs: number): Reservations {
  const records = createRecords<{ uses: readonly Use[] }>(store.kv, "reservations");
  const uses = async (budget: string) => (await records.get(encodeToken(budget)))?.value.uses ?? [];
  return {
    uses,
    async reserve(budget, run, now, allow) {
      let reserved = false;
      await records.change(encodeToken(budget), (before) => {
        const recent = (before?.uses ?? []).filter((use) => use.at > now - keepMs);
        const had = recent.some((use) => use.run === run);
        reserved = had || allow(recent);
        return had || !reserved ? undefined : { uses: [...recent, { run, at: now }] };
      });
      return reserved;
    },
    async giveBack(budget, run) {
      await records.change(encodeToken(budget), (before) => before && { uses: before.uses.filter((use) => use.run !== run) });
    },
  };
}
