import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEmbeddedStore } from "#adapters/embedded/mod.ts";
import { storeContract } from "#test/contracts/store.ts";

storeContract("embedded", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lightsout-"));
  const open = () => createEmbeddedStore({ path: join(folder, "store.db"), site: "test", room: { reserve: 65_536 } });
  const first = await open();
  let store = first;
  return {
    store: first,
    async reopen() {
      await store.close();
      store = await open();
      return store;
    },
    async close() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
});
