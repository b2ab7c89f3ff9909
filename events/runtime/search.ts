import type { Clock } from "../clock.ts";

/** When the index is read for runs that nobody drives. It holds the runs of months, and most beats change nothing about whose they are. */
export interface Search {
  /** A run may be nobody's, and no lease will tell. */
  wanted(): void;
  /** A worker that may have runs. */
  saw(worker: string): void;
  /** Whether the index is to be read now: that was wanted, one of the workers seen does not live any more, or it has been long. */
  due(living: ReadonlySet<string>): boolean;
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
    due(living) {
      const gone = [...seen].filter((worker) => !living.has(worker));
      for (const worker of gone) seen.delete(worker);
      if (!asked && gone.length === 0 && clock.mono() - last < searchEveryMs) return false;
      asked = false;
      last = clock.mono();
      return true;
    },
  };
}
