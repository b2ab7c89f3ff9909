import { afterAll, beforeAll, describe } from "vitest";
import { createNatsStore } from "#adapters/nats/mod.ts";
import type { EventStore } from "#events";
import { storeContract } from "#test/contracts/store.ts";
import type { NatsServer } from "./nats-server.ts";
import { startNatsServer } from "./nats-server.ts";
import { missing, peer } from "./peer.ts";

/** Debian's, and the newest where one is named. */
const programs = {
  "nats-server": peer("nats-server"),
  NATS_SERVER_NEW:
    process.env.NATS_SERVER_NEW ??
    missing("nats-server 2.15.2", "Go: go install github.com/nats-io/nats-server/v2@v2.15.2, and name it in NATS_SERVER_NEW"),
};

for (const [name, program] of Object.entries(programs)) {
  describe.skipIf(!program)(`against ${name}`, () => {
    let server: NatsServer;
    let sites = 0;
    beforeAll(async () => {
      server = await startNatsServer(program ?? "");
    });
    afterAll(() => server.close());

    storeContract("nats", async () => {
      sites += 1;
      const site = `site-${sites}`;
      const opened: EventStore[] = [];
      const open = async () => {
        const store = await createNatsStore({ servers: server.url, site });
        opened.push(store);
        return store;
      };
      const store = await open();
      return {
        store,
        second: open,
        async reopen() {
          await store.close();
          return open();
        },
        async close() {
          await Promise.all(opened.map((each) => each.close()));
        },
      };
    });
  });
}
