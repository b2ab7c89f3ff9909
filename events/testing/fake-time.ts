import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../clock.ts";

/**
 * Time that jumps: whenever nothing but timers is left to wait for, it moves to the next one. Everything that runs on it must work in
 * microtasks (the memory store, fakes), or time runs ahead of it.
 */
export interface FakeTime {
  /** A clock on this time. Clocks of one time may differ in their wall clock, and each can be stopped or killed alone. */
  clock(options?: { wallOffsetMs?: number }): FakeClock;
  /** Milliseconds passed. */
  passed(): number;
}

export interface FakeClock extends Clock {
  /** The process is stopped: its timers wait, its monotonic clock goes on. */
  stop(): void;
  /** It goes on; overdue timers fire. */
  resume(): void;
  /** The process died: none of its timers ever fires again. */
  kill(): void;
}

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
  readonly owner: { state: "live" | "stopped" | "dead" };
}

const epoch = Date.parse("2026-01-01T00:00:00Z");

/** @param options.turns of the event loop to wait before time jumps; default 2, more for a store that answers in a later turn */
export function createFakeTime({ turns = 2 }: { turns?: number } = {}): FakeTime {
  let now = 0;
  let order = 0;
  let pumping = false;
  let timers: Timer[] = [];

  const due = () => timers.filter((timer) => timer.owner.state === "live").sort((a, b) => a.at - b.at || a.order - b.order)[0];

  const pump = async () => {
    if (pumping) return;
    pumping = true;
    for (;;) {
      for (let left = turns; left > 0; left -= 1) await turn();
      const next = due();
      if (!next) break;
      timers = timers.filter((timer) => timer !== next);
      now = Math.max(now, next.at);
      next.fire();
    }
    pumping = false;
  };

  return {
    passed: () => now,
    clock({ wallOffsetMs = 0 } = {}) {
      const owner: Timer["owner"] = { state: "live" };
      return {
        now: () => epoch + wallOffsetMs + now,
        mono: () => now,
        sleep: (ms, signal) =>
          new Promise<void>((resolve, reject) => {
            if (signal?.aborted) return reject(signal.reason);
            const cancel = () => {
              timers = timers.filter((item) => item !== timer);
              if (owner.state === "live") reject(signal?.reason);
            };
            const fire = () => {
              signal?.removeEventListener("abort", cancel);
              resolve();
            };
            const timer: Timer = { at: now + Math.max(0, ms), order: order++, owner, fire };
            timers.push(timer);
            signal?.addEventListener("abort", cancel, { once: true });
            void pump();
          }),
        stop() {
          owner.state = "stopped";
        },
        resume() {
          owner.state = "live";
          void pump();
        },
        kill() {
          owner.state = "dead";
          timers = timers.filter((timer) => timer.owner !== owner);
        },
      };
    },
  };
}
