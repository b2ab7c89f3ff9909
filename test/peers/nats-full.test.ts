import { JetStreamApiError, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { type TestContext, test } from "vitest";
import { beginCycle, endsWell, ofTheOff } from "#test/e2e/cycling.ts";
import { createSite } from "#test/e2e/outside.ts";
import { startNatsServer } from "./nats-server.ts";
import { peer } from "./peer.ts";

const program = process.env.NATS_SERVER_NEW ?? peer("nats-server");

/** Somebody else's stream takes what JetStream has left; answers how to take it away again. */
async function fill(test: Pick<TestContext, "onTestFinished">, url: string): Promise<() => Promise<unknown>> {
  const connection = await connect({ servers: url });
  test.onTestFinished(() => connection.close());
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "filler", subjects: ["filler"] });
  const stream = jetstream(connection);
  for (const piece of [100_000, 1000, 10]) {
    try {
      for (;;) await stream.publish("filler", new Uint8Array(piece));
    } catch (error) {
      if (!(error instanceof JetStreamApiError)) throw error;
    }
  }
  return () => manager.streams.delete("filler");
}

test.skipIf(!program)(
  "JetStream is full while a machine is being cycled: new events are refused with words, nothing is done twice, and with room it goes on by itself",
  { timeout: 300_000 },
  async (context) => {
    const { expect } = context;
    const nats = await startNatsServer(program ?? "", "", "16MB");
    context.onTestFinished(() => nats.close());
    const site = await createSite(context, { store: `nats://${nats.url}` });
    const worker = await site.start();
    // Long enough for the store to be full before it is off, and shorter than the settle.
    site.rack.host("gpu").faults.slowOffMs = 40_000;
    await beginCycle(site, worker);
    await site.until("the intent", () => ofTheOff(site, worker, "intent"));

    const empty = await fill(context, nats.url);
    const another = () => worker.call("POST", "/v1/machines/other-1/power", { action: "on", reason: "a test" });
    await expect(another()).rejects.toThrow(/503 .*LO_STORE_REFUSED.*(insufficient|exceeded).*nats server report jetstream/);
    // Longer than everything that is waited for after an act.
    await site.rack.clock.sleep(120_000);
    expect(worker.alive()).toBe(true);

    await empty();
    await endsWell(site, worker, expect);
    await another();
  },
);
