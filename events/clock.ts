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
  // Not the timer of node:timers/promises: that one makes an error with a stack for every wait that is over early, and most are.
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const early = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener("abort", early);
          resolve();
        },
        Math.max(0, ms),
      );
      signal?.addEventListener("abort", early, { once: true });
    }),
};

/** A clock that runs `factor` times as fast: a 90 s wait takes 90/factor seconds. For the lab. */
export function scaledClock(factor: number): Clock {
  const wall = Date.now();
  const start = performance.now();
  const mono = () => (performance.now() - start) * factor;
  return { now: () => wall + mono(), mono, sleep: (ms, signal) => systemClock.sleep(ms / factor, signal) };
}
