import type { Clock } from "../clock.ts";

/** One timer for many that wait the same time: a timer for each of them would cost more than most runs do. */
export interface Beat {
  /** Calls `listener` at every beat, the first one at most a whole beat away, until the function it answers is called. */
  join(listener: () => void): () => void;
}

/** Beats every `everyMs`, as long as somebody listens. */
export function createBeat(clock: Clock, everyMs: number): Beat {
  const listeners = new Set<() => void>();
  let beating: AbortController | undefined;

  const beat = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal).catch(() => undefined);
      if (!signal.aborted) for (const listener of [...listeners]) listener();
    }
  };
  return {
    join(listener) {
      listeners.add(listener);
      if (!beating) {
        beating = new AbortController();
        void beat(beating.signal);
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        beating?.abort("nobody listens");
        beating = undefined;
      };
    },
  };
}
