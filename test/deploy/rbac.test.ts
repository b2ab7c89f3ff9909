import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { createKubernetesCluster } from "#adapters/cluster/kubernetes/mod.ts";
import { createStorage } from "#adapters/storage/mod.ts";
import { scaledClock, systemClock } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import { createHost } from "#test/lab/host.ts";
import { createKubeApi } from "#test/lab/kube-api.ts";
import { createCsr, servingRequest } from "#test/lab/kube-csr.ts";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const role = parseAllDocuments(readFileSync(new URL("../../deploy/kubernetes/rbac.yaml", import.meta.url), "utf8"))
  .map((document) => document.toJS() as { kind: string; rules?: readonly Rule[] })
  .find(({ kind }) => kind === "ClusterRole");

/** What the role system:discovery, which every account has, lets read. */
const everybodys = ["/apis", "/version"];

/** What a request needs, as the API server names it. */
function needed(method: string, path: string): { group: string; resource: string; verb: string } {
  const [route = "", query = ""] = path.split("?");
  const parts = route.split("/").filter(Boolean);
  const core = parts[0] === "api";
  const group = core ? "" : (parts[1] ?? "");
  let rest = parts.slice(core ? 2 : 3);
  if (rest[0] === "namespaces") rest = rest.slice(2);
  const [resource = "", name, sub] = rest;
  const reads = name === undefined ? (query.includes("watch=") ? "watch" : "list") : "get";
  const verb = { GET: reads, POST: "create", PATCH: "patch", PUT: "update" }[method] ?? method;
  return { group, resource: sub === undefined ? resource : `${resource}/${sub}`, verb };
}

test("the ClusterRole allows every request that the cluster adapter makes", async () => {
  const clock = scaledClock(50);
  const api = await createKubeApi({ hosts: [{ host: createHost({ name: "w1", clock }), node: "w1" }], clock });
  const cluster = createKubernetesCluster({
    kubeconfig: { text: api.kubeconfig },
    site: "lab",
    nodeOf: String,
    machineOf: String,
    clock: scaledClock(1),
  });
  api.addPod({ name: "web", node: "w1", owner: "ReplicaSet" });
  const by = { run: "r1", inherited: [] };
  const stop = await cluster.watch(() => undefined);
  await cluster.nodes();
  await cluster.node("w1");
  await cluster.cordon("w1", by);
  await cluster.drain("w1", { deadlineMs: 5000 });
  await cluster.pods("w1");
  await cluster.attachments("w1");
  await cluster.untaintOutOfService("w1");
  await cluster.uncordon("w1", by);
  await cluster.settle("w1", { labels: { pool: "gpu" }, taints: {} });
  await cluster.room("w1");
  await cluster.components("w1");
  api.put("certificatesigningrequests", servingRequest({ name: "c", node: "w1", request: createCsr({ commonName: "system:node:w1" }) }));
  const [request] = await cluster.servingRequests();
  const permit = { run: "r1", step: "s", attempt: 1, machine: "w1", verb: "approve-serving", gate: () => undefined } as const;
  if (request) await cluster.approveServing(request, mintPermit({ ...permit, signal: new AbortController().signal }));
  expect(await createStorage({ readObjects: cluster.readObjects, kind: "auto", clock: systemClock }).health()).toMatchObject({
    healthy: true,
  });
  await cluster.report("w1", { reason: "Tested", message: "it", type: "Normal" });
  await stop();
  await cluster.close();
  await api.close();
  const denied = api.requests
    .filter(({ path }) => !everybodys.includes(path))
    .map(({ method, path }) => needed(method, path))
    .filter(({ group, resource, verb }) => {
      const rules = role?.rules ?? [];
      return !rules.some((rule) => rule.apiGroups.includes(group) && rule.resources.includes(resource) && rule.verbs.includes(verb));
    });
  expect(api.requests.length).toBeGreaterThan(8);
  expect(denied).toEqual([]);
});
