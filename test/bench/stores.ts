import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEmbeddedStore } from "#adapters/embedded/mod.ts";
import { createNatsStore } from "#adapters/nats/mod.ts";
import { type EventStore, systemClock } from "#events";
import { startNatsServer } from "#test/peers/nats-server.ts";
import { peer } from "#test/peers/peer.ts";

/** Runs `work` on each store that is at hand, in a folder of its own. */
export async function onEachStore(work: (name: string, store: EventStore) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-bench-"));
  const embedded = await createEmbeddedStore({ path: join(folder, "bench.db"), site: "bench", clock: systemClock });
  await work("embedded", embedded);
  await embedded.close();
  const program = peer("nats-server");
  if (program) {
    const server = await startNatsServer(program);
    const nats = await createNatsStore({ servers: [server.url], site: "bench" });
    await work("nats", nats);
    await nats.close();
    await server.close();
  } else process.stdout.write("nats-server is not installed: only the embedded store is measured\n");
  rmSync(folder, { recursive: true, force: true });
}
