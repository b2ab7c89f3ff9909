import type { Stream } from "#events";
import type { Records } from "./records.ts";

/** A stream of an open database: its table, and who waits for its next record. */
export interface Shelf {
  readonly stream: Stream;
  readonly records: Records;
  readonly listeners: Set<() => void>;
}

/** How many records a reader takes in one turn of the event loop. */
export const BATCH = 256;

/** Runs `work` once in a later turn of the event loop, however often it is asked to before. */
export function coalesced(work: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    setImmediate(() => {
      asked = false;
      work();
    });
  };
}
