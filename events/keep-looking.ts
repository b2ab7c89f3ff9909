import type { Clock } from "./clock.ts";
import type { Stop } from "./store.ts";

/**
 * Looks again and again, never twice at once, until it is stopped: a look under way is told by its signal, and waited for.
 *
 * @param look tells its own troubles; one that rejects ends the looking
 * @param pauseMs how long to wait after a look that took so long
 */
export function keepLooking(clock: Clock, look: (signal: AbortSignal) => Promise<void>, pauseMs: (tookMs: number) => number): Stop {
  const stop = new AbortController();
  const { signal } = stop;
  const looking = (async () => {
    while (!signal.aborted) {
      const started = clock.mono();
      await look(signal);
      await clock.sleep(pauseMs(clock.mono() - started), signal).catch(() => undefined);
    }
  })();
  return async () => {
    stop.abort();
    await looking;
  };
}

/** From the beginning of one look to the next, with a little spread, so that many workers do not ask in step. */
export const spread = (everyMs: number) => (tookMs: number) => Math.max(1000, everyMs * (0.9 + 0.2 * Math.random()) - tookMs);
