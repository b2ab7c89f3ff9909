import { setTimeout as timer } from "node:timers/promises";

/** Time as the runtime sees it. Durations are always measured on `mono`; `now` only dates records. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump, may differ between workers. */
  now(): number;
  /** Monotonic milliseconds of this process. Never jumps back; goes on while the process is stopped. */
  mono(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  sleep: (ms, signal) =>
    timer(Math.max(0, ms), undefined, signal ? { signal } : undefined).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error;
    }),
};

/** A clock that runs `factor` times as fast: a 90 s wait takes 90/factor seconds. For the lab. */
export function scaledClock(factor: number): Clock {
  const wall = Date.now();
  const start = performance.now();
  const mono = () => (performance.now() - start) * factor;
  return { now: () => wall + mono(), mono, sleep: (ms, signal) => systemClock.sleep(ms / factor, signal) };
}
