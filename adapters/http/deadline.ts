import type { Clock } from "#events";
import { ProblemError } from "./problem.ts";

/**
 * The work's result, or after `ms` an `LO_HTTP_TIMEOUT` (503). The work itself goes on: it is not known what became of it.
 *
 * @param discard gets a result that comes too late
 */
export async function within<Result>(clock: Clock, ms: number, work: Promise<Result>, discard: (late: Result) => void): Promise<Result> {
  const over = new AbortController();
  const alarm = clock.sleep(ms, over.signal).then(() => {
    work.then(discard, () => undefined);
    throw new ProblemError(503, "LO_HTTP_TIMEOUT", `No answer within ${ms} ms; it may still take effect`, {
      hint: "Look at GET /v1/runs before sending it again, or repeat it with the same id",
    });
  });
  try {
    return await Promise.race([work, alarm]);
  } finally {
    over.abort();
  }
}
