import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createS3Snapshots } from "#adapters/snapshots/mod.ts";
import { systemClock } from "#events";

/** What no real server can be asked for: servers that break. The contract runs on one that this project did not write. */
async function against(answer: RequestListener) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return createS3Snapshots({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bucket: "etcd",
    region: "garage",
    accessKey: "access",
    secretKey: "the-secret-key",
    keep: { last: 1, daily: 0, weekly: 0 },
    clock: systemClock,
    idleMs: 200,
  });
}

const failure = (message: RegExp) => ({ code: "LO_SNAPSHOT", effect: "none", message: expect.stringMatching(message) });

test("a server that says nothing is not waited for", async () => {
  const snapshots = await against(() => undefined);
  await expect(snapshots.list()).rejects.toMatchObject(failure(/cannot list at http/));
});

test("nor is one that says nothing more in the middle of a snapshot", async () => {
  const snapshots = await against((request, response) => {
    if (request.url?.includes(".sha256")) response.end(`${"0".repeat(64)}  lab-1.db\n`);
    else response.writeHead(200, { "content-length": "100000" }).write(Buffer.alloc(1000));
  });
  const read = async () => {
    for await (const chunk of snapshots.read("lab-1.db")) expect(chunk.length).toBeGreaterThan(0);
  };
  await expect(read()).rejects.toMatchObject(failure(/cannot read lab-1.db/));
});

test.each(["<html>welcome</html>", "", "<?xml version='1.0'?><ListAllMyBucketsResult/>"])("%j is no list of a bucket", async (body) => {
  const snapshots = await against((_, response) => response.end(body));
  const error = await snapshots.list().catch((caught: unknown) => caught);
  expect(error).toMatchObject(failure(/cannot list/));
  expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain("the-secret-key");
});
