import { type Clock, systemClock } from "../clock.ts";

/** How often the event loop is asked for a sign of life, and how much of the wall's time one sign lets pass at most, in milliseconds. */
const everyMs = 10;
const mostMs = 20;

let steadyMs: (() => number) | undefined;

/** Milliseconds of the wall in which this process got its turns. One timer for all clocks: tests make many and end none. */
function watchTurns(): () => number {
  let passed = 0;
  let seen = performance.now();
  const read = () => passed + Math.min(performance.now() - seen, mostMs);
  const tick = () => {
    const at = performance.now();
    passed += Math.min(at - seen, mostMs);
    seen = at;
  };
  setInterval(tick, everyMs).unref();
  return read;
}

/**
 * A clock that runs `factor` times as fast as the wall, as long as this process keeps up. While the machine is too busy to give it a turn,
 * or its event loop has too much to do, time waits for it: a stall never makes a deadline of the tested code pass. For tests whose
 * whole world is in this process and on this clock.
 */
export function steadyClock(factor: number): Clock {
  steadyMs ??= watchTurns();
  const passed = steadyMs;
  const wall = Date.now();
  const start = passed();
  const mono = () => (passed() - start) * factor;
  return {
    now: () => wall + mono(),
    mono,
    async sleep(ms, signal) {
      const due = mono() + ms;
      do await systemClock.sleep(Math.max(0, due - mono()) / factor, signal);
      while (mono() < due);
    },
  };
}
