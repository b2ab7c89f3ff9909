import type { Clock } from "../clock.ts";
import type { RunStatus } from "../journal.ts";

/** Why a drive ended before its handler did. Thrown through the handler; swallowing it only makes the next step throw it again. */
export class DriveEnd extends Error {
  override readonly name = "DriveEnd";
  readonly end: End;
  constructor(end: End) {
    super(`run stopped: ${end.kind}`);
    this.end = end;
  }
}

export type End =
  /** The run ends with this status. */
  | { readonly kind: "finish"; readonly status: RunStatus; readonly reason: string }
  /** It waits for a person's word. */
  | { readonly kind: "parked" }
  /** This worker stops; the run goes on elsewhere or later. */
  | { readonly kind: "stopped" }
  /** Run the handler again from the top (tests replay after every step). */
  | { readonly kind: "replay" };

/** What the outside tells a driven run. Looked at on step boundaries, never between an intent and its outcome. */
export interface Control {
  /** Ends the run at its next boundary; the first end wins. */
  end(end: End): void;
  readonly ended: End | undefined;
  /** This worker stops: what the store does not take now is left to the next worker. */
  readonly stopping: boolean;
  /** Throws the end, if one was asked for. */
  boundary(): void;
  /** Something happened: whatever waits looks again. */
  wake(): void;
  /** Resolves after `ms`, on a wake or on an end, whichever is first. */
  wait(ms: number): Promise<void>;
  /** Aborted when the run must let go at once (the worker was fenced or stopped). */
  readonly signal: AbortSignal;
  readonly abort: AbortController;
}

export function createControl(clock: Clock): Control {
  const abort = new AbortController();
  let ended: End | undefined;
  let stopping = false;
  let rouse: AbortController | undefined;
  let missed = false;
  const wake = () => {
    if (rouse) rouse.abort("woken");
    else missed = true;
  };
  return {
    abort,
    signal: abort.signal,
    get ended() {
      return ended;
    },
    get stopping() {
      return stopping;
    },
    end(end) {
      ended ??= end;
      stopping ||= end.kind === "stopped";
      wake();
    },
    boundary() {
      if (ended) throw new DriveEnd(ended);
    },
    wake,
    async wait(ms) {
      if (missed || ended) {
        missed = false;
        return;
      }
      rouse = new AbortController();
      try {
        await clock.sleep(Math.max(0, ms), rouse.signal);
      } catch {
        // Woken early.
      } finally {
        rouse = undefined;
      }
    },
  };
}
