import type { Clock } from "../clock.ts";

/** When the index is read for runs that nobody drives. It holds the runs of months, and most beats change nothing about whose they are. */
export interface Search {
  /** A run may be nobody's, and no lease will tell. */
  wanted(): void;
  /** A worker that may have runs. */
  saw(worker: string): void;
  /** Whether a search starts now: one was wanted, one of the workers seen does not live any more, or the last was long ago. */
  starts(living: ReadonlySet<string>): boolean;
}

/** However quiet it is, the index is read this often. */
export const searchEveryMs = 300_000;

export function createSearch(clock: Clock): Search {
  const seen = new Set<string>();
  let asked = true;
  let last = clock.mono();
  return {
    wanted() {
      asked = true;
    },
    saw: (worker) => void seen.add(worker),
    starts(living) {
      const gone = [...seen].filter((worker) => !living.has(worker));
      for (const worker of gone) seen.delete(worker);
      if (!asked && gone.length === 0 && clock.mono() - last < searchEveryMs) return false;
      asked = false;
      last = clock.mono();
      return true;
    },
  };
}
