import type { FakeClock, FakeTime } from "./fake-time.ts";
import { steadyClock } from "./steady-clock.ts";

/**
 * Real time that runs `factor` times as fast, with clocks that can be stopped and killed: for stores whose answers come from outside this
 * process, where time cannot jump.
 */
export function createScaledTime(factor: number): FakeTime {
  const base = steadyClock(factor);
  const passed = () => base.mono();
  return { passed, clock: ({ wallOffsetMs = 0 } = {}) => breakable(wallOffsetMs) };

  function breakable(wallOffsetMs: number): FakeClock {
    let state: "live" | "stopped" | "dead" = "live";
    let waiting: (() => void)[] = [];
    const settle = (work: () => void) => {
      if (state === "live") work();
      else if (state === "stopped") waiting.push(work);
    };
    return {
      now: () => base.now() + wallOffsetMs,
      mono: passed,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          base.sleep(ms, signal).then(
            () => settle(resolve),
            (error) => settle(() => reject(error)),
          );
        }),
      stop() {
        state = "stopped";
      },
      resume() {
        state = "live";
        const late = waiting;
        waiting = [];
        for (const work of late) work();
      },
      kill() {
        state = "dead";
        waiting = [];
      },
    };
  }
}
