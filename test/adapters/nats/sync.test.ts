import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { readSync } from "#adapters/nats/sync.ts";

// An address of its own, since the port of the monitoring page is fixed.
const host = "127.16.99.3";

/** A monitoring page, as nats-server 2.10 and newer write `/jsz`. */
async function monitored(config: Readonly<Record<string, unknown>>) {
  const server = createServer((request, answer) => {
    if (request.url !== "/jsz") return void answer.writeHead(404).end();
    answer.writeHead(200, { "content-type": "application/json", connection: "close" }).end(JSON.stringify({ server_id: "NMINE", config }));
  });
  await new Promise<void>((listening) => server.listen(8222, host, listening));
  onTestFinished(() => new Promise((closed) => void server.close(() => closed())));
}
const read = (id = "NMINE") => readSync([`nats://${host}:4222`], id, AbortSignal.timeout(30_000));

test("how a server syncs is read from its own monitoring page", async () => {
  await monitored({ sync_interval: 120_000_000_000, store_dir: "/data" });
  expect(await read()).toBe(120_000);
  expect(await read("NOTHER")).toBeUndefined();
});

test("a server that syncs before every answer", async () => {
  await monitored({ sync_always: true, sync_interval: 120_000_000_000 });
  expect(await read()).toBe("always");
});

test("an older one does not say, and one without a page says nothing", async () => {
  expect(await read()).toBeUndefined();
  await monitored({ store_dir: "/data" });
  expect(await read()).toBeUndefined();
});
