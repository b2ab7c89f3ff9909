import { expect, test } from "vitest";
import type { KubeRequest } from "#test/lab/kube-handler.ts";
import { createRack } from "./rack.ts";

const missing = { code: 404, body: "404 page not found" };
const definitions = [{ name: "customresourcedefinitions", kind: "CustomResourceDefinition", namespaced: false }];
const pools = `
apiVersion: cilium.io/v2
kind: CiliumPool
metadata: { name: default }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ciliumpools.cilium.io }
spec: { group: cilium.io, names: { kind: CiliumPool, plural: ciliumpools } }
`;

/** An API that serves a new kind only after its definition has been there for some looks. */
async function definingRack(looks: number) {
  const rack = await createRack();
  const patched: string[] = [];
  let left = Number.POSITIVE_INFINITY;
  rack.api.intercept(({ method, path }: KubeRequest) => {
    if (method === "PATCH") {
      patched.push(path);
      if (path.includes("customresourcedefinitions")) left = looks;
      return { code: 200, body: {} };
    }
    if (path === "/apis/apiextensions.k8s.io/v1") return { code: 200, body: { resources: definitions } };
    if (path !== "/apis/cilium.io/v2") return undefined;
    left -= 1;
    const served = [
      { name: "ciliumpools", kind: "CiliumPool", namespaced: false },
      { name: "ciliumpools/status", kind: "CiliumPool", namespaced: false },
    ];
    return left >= 0 ? missing : { code: 200, body: { resources: served } };
  });
  return { ...rack, patched };
}

test("a kind that the manifests themselves define is waited for, its definition first", async () => {
  const { cluster, patched } = await definingRack(3);
  expect(await cluster.apply(pools)).toEqual(["CustomResourceDefinition ciliumpools.cilium.io", "CiliumPool default"]);
  expect(patched.at(-1)).toBe("/apis/cilium.io/v2/ciliumpools/default?fieldManager=lightsout&force=true");
});

test("a definition that is never served ends it, naming what could not be applied", async () => {
  const { cluster } = await definingRack(Number.POSITIVE_INFINITY);
  await expect(cluster.apply(pools)).rejects.toMatchObject({
    code: "LO_MANIFEST",
    message: expect.stringContaining("no CiliumPool of cilium.io/v2 (default)"),
  });
});

test("a group that the cluster does not have is told at once", async () => {
  const { api, cluster } = await createRack();
  const [alone = ""] = pools.split("---");
  await expect(cluster.apply(alone)).rejects.toMatchObject({ code: "LO_MANIFEST", message: expect.stringContaining("cilium.io/v2") });
  expect(api.requests.filter(({ path }) => path === "/apis/cilium.io/v2")).toHaveLength(1);
});

test("what the API refuses names the object and keeps the API's own words", async () => {
  const { api, cluster } = await createRack();
  const manifest = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: { name: cilium }\n";
  expect(await cluster.apply(manifest)).toEqual(["DaemonSet default/cilium"]);
  api.intercept(({ method }) =>
    method === "PATCH" ? { code: 422, body: { reason: "Invalid", message: "spec.selector: Required" } } : undefined,
  );
  await expect(cluster.apply(manifest)).rejects.toMatchObject({
    code: "LO_CLUSTER_REFUSED",
    message: expect.stringMatching(/DaemonSet default\/cilium: apply: .*spec\.selector: Required/),
  });
});

test.each([
  ["an alias without its anchor", "a: *nothing"],
  [
    "aliases that multiply",
    `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefgh"
      .split("")
      .map((one, index) => `${one}: &${one} [${Array(9).fill(`*${"abcdefgh"[index]}`).join(",")}]`)
      .join("\n")}`,
  ],
  ["a list of what is none", "kind: List\napiVersion: v1\nitems: [{ kind: Pod }, 3]"],
  ["an object without a name", "apiVersion: v1\nkind: Pod\nmetadata: { generateName: x- }"],
  ["text", "hello"],
])("%s is no manifest, and nothing is asked of the cluster", async (_, text) => {
  const { api, cluster } = await createRack();
  await expect(cluster.apply(text)).rejects.toMatchObject({ code: "LO_MANIFEST", message: expect.stringContaining("document 1") });
  expect(api.requests).toEqual([]);
});

test("a list is applied as its items, and nothing at all is nothing", async () => {
  const { cluster } = await createRack();
  const of = (name: string) => `{ apiVersion: v1, kind: ConfigMap, metadata: { name: ${name}, namespace: kube-system } }`;
  expect(await cluster.apply(`apiVersion: v1\nkind: List\nitems: [${of("a")}, ${of("b")}]\n---\n# nothing more\n`)).toEqual([
    "ConfigMap kube-system/a",
    "ConfigMap kube-system/b",
  ]);
  expect(await cluster.apply("")).toEqual([]);
});
