import { describe } from "vitest";
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
