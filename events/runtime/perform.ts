import { type Effect, effectOf, explain, GateClosedError, RefusedError } from "../errors.ts";
import { RunLostError } from "../journal.ts";
import type { Drive } from "./office.ts";
import { mintPermit, type Permit } from "./permit.ts";
import type { Act } from "./spec.ts";
import { limited } from "./waits.ts";

/** From before the intent is sent to the gate, on both clocks: past it nothing is performed. */
export const gateDeadlineMs = 5000;

/** A moment on both clocks. */
export interface Moment {
  readonly mono: number;
  readonly wall: number;
}

interface Answer {
  readonly effect: Effect;
  readonly seen: string;
  readonly refused?: RefusedError;
}

export const notPerformed: Answer = { effect: "none", seen: "not performed: the intent was acknowledged late" };

/** Performs once. The effect is `none` only where it is certain that nothing reached the device. */
export async function perform(
  drive: Drive,
  act: Act,
  about: { readonly timeoutMs: number; readonly attempt: number; readonly started: Moment },
): Promise<Answer> {
  const { spec, name, office } = drive;
  let over = false;
  try {
    const seen = await office.slots.with(spec.on.lane, () =>
      limited(drive, about.timeoutMs, (signal) => {
        const permit: Permit = mintPermit({
          run: name.run,
          step: `${spec.id}/${act.verb}`,
          attempt: about.attempt,
          machine: act.machine,
          verb: act.verb,
          signal,
          gate() {
            const why = over ? "the act is over" : tooLate(drive, about.started);
            if (why) throw new GateClosedError(act.machine, act.verb, `not sent: ${why}`);
          },
        });
        return act.perform(permit);
      }),
    );
    return { effect: "unknown", seen };
  } catch (error) {
    if (error instanceof RunLostError) throw error;
    return { effect: effectOf(error), seen: explain(error), ...(error instanceof RefusedError ? { refused: error } : {}) };
  } finally {
    over = true;
  }
}

/** Why the gate is shut for an act whose intent was begun at `started`, if it is. */
function tooLate({ office: { clock }, control }: Drive, started: Moment): string | undefined {
  const mono = clock.mono() - started.mono;
  const wall = clock.now() - started.wall;
  if (control.signal.aborted) return "this worker no longer owns the run";
  if (mono > gateDeadlineMs || wall > gateDeadlineMs) return `${Math.round(Math.max(mono, wall) / 1000)} s have passed since the intent`;
  return wall < -1000 ? "the wall clock was set back since the intent" : undefined;
}
