import { onTestFinished, vi } from "vitest";
import type { EventStore } from "#events";

/** A store under test. */
export interface OpenedStore {
  readonly store: EventStore;
  /** Closes the store and opens it again on the same data. Absent where nothing outlives the process. */
  reopen?(): Promise<EventStore>;
  /** Another worker's store on the same data. Absent where one process owns the data. */
  second?(): Promise<EventStore>;
  /** Closes every store that was opened, and removes the data. */
  close(): Promise<void>;
}

export type OpenStore = () => Promise<OpenedStore>;

/** Opens a store that is closed when the test ends. */
export async function use(open: OpenStore): Promise<OpenedStore> {
  const opened = await open();
  onTestFinished(() => opened.close());
  return opened;
}

/** Resolves when `check` stops throwing. The bound only ends a test that would never pass. */
export function eventually(check: () => unknown): Promise<unknown> {
  return vi.waitFor(check, { timeout: 30_000, interval: 5 });
}

/** A promise with its resolver at hand. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Every call of a store, by name: for tests of what a closed or broken one answers. */
export function everyCall(store: EventStore): Record<string, () => Promise<unknown>> {
  return {
    append: () => store.log.append("events", "a", 1),
    read: () => store.log.read("events", ">"),
    last: () => store.log.last("events", "a"),
    position: () => store.log.position("events"),
    subjects: () => store.log.subjects("events", ">"),
    follow: () => store.log.follow("events", ">", 0, () => {}),
    consume: () => store.log.consume("events", ">", "worker", async () => {}),
    purge: () => store.log.purge("events", "a"),
    get: () => store.kv.get("claims", "a"),
    put: () => store.kv.put("claims", "a", 1, 0),
    delete: () => store.kv.delete("claims", "a", 1),
    list: () => store.kv.list("claims"),
    watch: () => store.kv.watch("claims", () => {}),
  };
}
