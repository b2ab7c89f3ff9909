import { type Clock, DeviceError } from "#events";

/**
 * One BMC's manners: one request in flight, a minimum spacing between requests, and after one rejected
 * login no further attempt until the credentials change (BMCs lock accounts and block addresses).
 */
export interface Governor {
  /** Runs `work` when it is this request's turn. Refused with `LO_BMC_LOCKED` (effect none) once `reject` was called. */
  turn<T>(operation: string, work: () => Promise<T>): Promise<T>;
  /** The BMC rejected this credential version: stop. */
  rejected(): void;
}

/** @param spacingMs least time between the end of one request and the start of the next; default 0 */
export function createGovernor(options: { machine: string; clock: Clock; spacingMs?: number }): Governor {
  const { machine, clock, spacingMs = 0 } = options;
  let tail: Promise<unknown> = Promise.resolve();
  let freeAt = Number.NEGATIVE_INFINITY;
  let locked = false;

  const run = async <T>(operation: string, work: () => Promise<T>): Promise<T> => {
    if (locked) {
      throw new DeviceError("LO_BMC_LOCKED", { target: machine, operation, effect: "none" }, "the BMC rejected these credentials before", {
        hint: "Correct the user or password in lightsout.yaml and reload; no login is tried until then",
      });
    }
    const wait = freeAt - clock.mono();
    if (wait > 0) await clock.sleep(wait);
    try {
      return await work();
    } finally {
      freeAt = clock.mono() + spacingMs;
    }
  };

  return {
    turn(operation, work) {
      const mine = tail.then(
        () => run(operation, work),
        () => run(operation, work),
      );
      tail = mine.catch(() => undefined);
      return mine;
    },
    rejected() {
      locked = true;
    },
  };
}
