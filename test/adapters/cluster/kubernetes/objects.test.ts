import { expect, test } from "vitest";
import { createRack } from "./rack.ts";

const path = "/apis/ceph.rook.io/v1/cephclusters";
const notFound = { code: 404, body: "404 page not found" };

test("a collection is read whatever it is, and one that the cluster does not have is no error", async () => {
  const { api, cluster } = await createRack();
  expect(await cluster.readObjects("/api/v1/nodes")).toHaveLength(2);
  expect(await cluster.readObjects(path)).toBeUndefined();
  expect(api.requests.slice(-2).map((request) => request.path)).toEqual([path, "/apis"]);
});

test.each([
  ["a proxy in front that finds nothing", { [path]: notFound, "/apis": notFound }, "HTTP 404"],
  ["an API that names no groups", { "/apis": { code: 200, body: { groups: [] } } }, "names no groups"],
  ["an answer without items", { [path]: { code: 200, body: { kind: "Status" } } }, "has no items"],
  [
    "the same group in another version",
    { "/apis": { code: 200, body: { groups: [{ name: "ceph.rook.io", versions: [{ version: "v2" }] }] } } },
    "not under this path",
  ],
  ["an account that may not look", { [path]: { code: 403, body: { reason: "Forbidden", message: "no" } } }, "HTTP 403"],
])("%s is an error, not an absence", async (_, answers, message) => {
  const { api, cluster } = await createRack();
  api.intercept((request) => (answers as Record<string, { code: number; body: unknown }>)[request.path]);
  await expect(cluster.readObjects(path)).rejects.toMatchObject({ effect: "none", message: expect.stringContaining(message) });
});
