import { explain, LightsoutError } from "../errors.ts";
import { RunLostError } from "../journal.ts";
import { DriveEnd } from "./control.ts";
import type { Drive } from "./office.ts";

/** Journals a wait's deadline once and answers what is left of it; a resumed run keeps the deadline it had. */
export async function deadline(drive: Drive, step: string, withinMs: number): Promise<() => number> {
  const { journal, office } = drive;
  const waiting = journal.entries.find((entry) => entry.is === "waiting" && entry.step === step && entry.until !== undefined);
  let until = waiting?.is === "waiting" ? waiting.until : undefined;
  if (until === undefined) {
    until = office.clock.now() + withinMs;
    await journal.append({ is: "waiting", step, reason: step, until });
  }
  drive.show({ status: "waiting", reason: step, step, nextWake: until });
  // Another worker's wall clock may be minutes away: never wait longer than was asked for.
  const end = office.clock.mono() + Math.min(Math.max(0, until - office.clock.now()), withinMs);
  return () => end - office.clock.mono();
}

/** One probe: an error is "not yet". */
export async function look<Result>(
  drive: Drive,
  probe: (signal: AbortSignal) => Promise<Result>,
  timeoutMs: number,
): Promise<Result | undefined> {
  try {
    return await drive.office.slots.with(drive.spec.on.lane, () => limited(drive, timeoutMs, probe));
  } catch (error) {
    if (error instanceof DriveEnd || error instanceof RunLostError) throw error;
    return undefined;
  }
}

/** Runs `work` with a signal that aborts after `ms` or when the run must let go. After `ms` it rejects even if `work` does not listen. */
export async function limited<Result>(drive: Drive, ms: number, work: (signal: AbortSignal) => Promise<Result> | Result): Promise<Result> {
  const over = new AbortController();
  const { signal: letGo } = drive.control;
  const stop = () => over.abort(letGo.reason);
  if (letGo.aborted) stop();
  const working = work(over.signal);
  // What is done at once needs no clock.
  if (typeof (working as Partial<PromiseLike<unknown>> | undefined)?.then !== "function") return working;
  const timer = new AbortController();
  letGo.addEventListener("abort", stop);
  const timeout = drive.office.clock.sleep(ms, timer.signal).then(
    () => {
      const error = new LightsoutError("LO_STEP_TIMEOUT", `no result in ${Math.round(ms / 1000)} s`);
      over.abort(error);
      throw error;
    },
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([working, timeout]);
  } finally {
    timer.abort("done");
    letGo.removeEventListener("abort", stop);
  }
}

/** Asks the store until it answers: a store that is away delays a run and fails nothing. */
export async function patiently<Result>(drive: Drive, ask: () => Promise<Result>): Promise<Result> {
  for (let attempt = 0; ; attempt += 1) {
    drive.control.boundary();
    try {
      return await ask();
    } catch (error) {
      if (error instanceof LightsoutError && error.code === "LO_EVENT_INVALID") throw error;
      const pause = Math.min(200 * 2 ** attempt, 5000);
      drive.show({
        status: "waiting",
        reason: `the event store does not answer: ${explain(error)}`,
        nextWake: drive.office.clock.now() + pause,
      });
      await drive.control.wait(pause);
    }
  }
}
