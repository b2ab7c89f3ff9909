import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { describe, expect, onTestFinished, test } from "vitest";
import { createNatsStore, lookAtNats } from "#adapters/nats/mod.ts";
import { doctor } from "#config/doctor/doctor.ts";
import { createPins } from "#config/pins.ts";
import { one } from "#test/config/doctor/examined.ts";
import { startNatsServer } from "./nats-server.ts";
import { peer } from "./peer.ts";

const program = peer("nats-server");

async function ask(store: string) {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-doctor-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, "lightsout.yaml");
  writeFileSync(config, `site: lab\nstore: ${store}\nhttp: { listen: "127.0.0.1:0" }\nmachines: {}\n`);
  return doctor({ config, env: {} });
}

async function startServer(config?: string) {
  const server = await startNatsServer(program ?? "", config);
  onTestFinished(() => server.close());
  return server;
}

describe.skipIf(!program)("what the doctor says of a nats-server", () => {
  test("one that is new, and that does not tell how it syncs", async () => {
    const { url } = await startServer();
    const checks = await ask(`nats://${url}`);
    expect(one(checks, "store", "server")).toMatchObject({ result: "ok", seen: expect.stringContaining("JetStream is on") });
    expect(one(checks, "store", "streams").seen).toContain("none is there yet");
    expect(one(checks, "store", "sync")).toMatchObject({ result: "warning", todo: expect.stringContaining("sync_interval: always") });
    const nc = await connect({ servers: url });
    expect(await (await jetstreamManager(nc)).streams.list().next()).toEqual([]);
    await nc.close();
  });

  test("one that serves, with what is pinned there", async () => {
    const { url } = await startServer();
    const store = await createNatsStore({ servers: url, site: "lab" });
    await createPins(store).set("gpu-01", "ab".repeat(32));
    await store.close();
    expect(one(await ask(`nats://${url}`), "store", "streams").seen).toContain("12 are there as they have to be; 1 replica");
    const key = "pin.gpu-01";
    const found = await lookAtNats({
      servers: url,
      site: "lab",
      replicas: 1,
      keys: [key, "pin.other"],
      signal: AbortSignal.timeout(30_000),
    });
    expect([...found.settings]).toEqual([[key, "ab".repeat(32)]]);
  });

  test("a stream that would forget", async () => {
    const { url } = await startServer();
    const store = await createNatsStore({ servers: url, site: "lab" });
    await store.close();
    const nc = await connect({ servers: url });
    await (await jetstreamManager(nc)).streams.update("LIGHTSOUT_lab_JOURNAL", {
      max_age: 60_000_000_000,
      duplicate_window: 60_000_000_000,
    });
    await nc.close();
    expect(one(await ask(`nats://${url}`), "store", "streams")).toMatchObject({
      result: "failure",
      seen: expect.stringContaining("max_age"),
    });
  });

  test("one that is too old or too few for replicas, wants a login, or does not run", async () => {
    const { url, kill } = await startServer();
    const replicated = await ask(`{ nats: { servers: [nats://${url}], replicas: 3 } }`);
    expect(one(replicated, "store", "replicas")).toMatchObject({ result: "failure", seen: expect.stringContaining("1 server is known") });
    await kill();
    expect(one(await ask(`nats://${url}`), "store", "server")).toMatchObject({
      result: "failure",
      todo: expect.stringContaining("nats-server -js"),
    });
    const closed = await startServer(`authorization { user: "lightsout", password: "s3cret" }`);
    expect(one(await ask(`nats://${closed.url}`), "store", "server")).toMatchObject({
      result: "failure",
      todo: expect.stringContaining("Check the user"),
    });
  });

  test("one without JetStream", async () => {
    const { url } = await startServer("accounts { A: { users: [{ user: a, password: a }] } }\nno_auth_user: a");
    expect(one(await ask(`nats://${url}`), "store", "server").result).toBe("failure");
  });
});
