import { describe } from "vitest";
import type { EventStore } from "#events";
import { consuming } from "./store/consuming.ts";
import { keyValue } from "./store/key-value.ts";
import { logging } from "./store/logging.ts";
import type { OpenStore } from "./store/opened.ts";

export type { OpenedStore, OpenStore } from "./store/opened.ts";

/**
 * Every promise of the `EventStore` port, run against one implementation. `open` gives an empty store for each test;
 * `reopen` and `second` are absent where an implementation forgets (memory) or allows one owner only (embedded).
 */
export function storeContract(name: string, open: OpenStore): void {
  describe(`the store contract: ${name}`, () => {
    logging(open);
    consuming(open);
    keyValue(open);
  });
}

/** The names of the log's and the buckets' calls, each made once: for tests of what a closed or broken store answers. */
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
