import { expect, test } from "vitest";
import { createRack, owner, until } from "./rack.ts";

const web = { app: "web" };
/** Half a minute of the wall, for drains that come to their end by themselves. */
const enough = 3_600_000;

test("replaceable pods go and are gone; DaemonSet, mirror and finished pods are passed over", async () => {
  const { cluster, api } = await createRack();
  await cluster.cordon("m1", owner("r1"));
  api.addPod({ name: "web-1", node: "w1" });
  api.addPod({ name: "db-0", node: "w1", owner: "StatefulSet" });
  api.addPod({ name: "cni", node: "w1", owner: "DaemonSet" });
  api.addPod({ name: "etcd-w1", node: "w1", owner: "mirror" });
  api.addPod({ name: "backup", node: "w1", owner: "Job", phase: "Succeeded" });
  const report = await cluster.drain("m1", { deadlineMs: enough });
  expect(report).toEqual({ evicted: ["default/web-1", "default/db-0"], left: [], irreplaceable: [] });
  expect(api.pods("w1").map((pod) => pod.metadata.name)).toEqual(["cni", "etcd-w1", "backup"]);
});

test("irreplaceable pods are listed with their reason and never asked to go", async () => {
  const { cluster, api } = await createRack();
  await cluster.cordon("m1", owner("r1"));
  api.addPod({ name: "bare", node: "w1", owner: "none" });
  api.addPod({ name: "pet", node: "w1", annotations: { "lightsout.dev/pet": "true" } });
  api.addPod({ name: "scratch", node: "w1", volumes: [{ name: "tmp", emptyDir: {} }] });
  api.addPod({
    name: "local",
    node: "w1",
    owner: "StatefulSet",
    volumes: [{ name: "data", persistentVolumeClaim: { claimName: "disk" } }],
  });
  api.addLocalVolume({ name: "pv-disk", claim: "disk" });
  api.addPod({
    name: "declared",
    node: "w1",
    annotations: { "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes": "tmp, cache" },
    volumes: [
      { name: "tmp", emptyDir: {} },
      { name: "net", persistentVolumeClaim: { claimName: "remote" } },
    ],
  });
  const report = await cluster.drain("m1", { deadlineMs: enough });
  expect(report.evicted).toEqual(["default/declared"]);
  expect(report.irreplaceable).toEqual(["default/bare", "default/pet", "default/scratch", "default/local"]);
  expect(report.left).toEqual([
    { pod: "default/bare", why: "irreplaceable: no controller would start it again" },
    { pod: "default/pet", why: "irreplaceable: marked lightsout.dev/pet=true" },
    { pod: "default/scratch", why: "irreplaceable: it has a volume on this machine" },
    { pod: "default/local", why: "irreplaceable: it has a volume on this machine" },
  ]);
  const evictions = api.requests.filter(({ path }) => path.endsWith("/eviction")).map(({ path }) => path);
  expect(evictions).toEqual(["/api/v1/namespaces/default/pods/declared/eviction"]);
});

test("a budget lets them go one by one, as replacements start", async () => {
  const { cluster, api } = await createRack();
  await cluster.cordon("m1", owner("r1"));
  for (const name of ["web-1", "web-2", "web-3"]) api.addPod({ name, node: "w1", labels: web });
  api.addPdb({ name: "web-pdb", minAvailable: 2, matchLabels: web });
  const report = await cluster.drain("m1", { deadlineMs: enough });
  expect(report.left).toEqual([]);
  expect(report.evicted.toSorted()).toEqual(["default/web-1", "default/web-2", "default/web-3"]);
  const evictions = api.requests.filter(({ path }) => path.endsWith("/eviction"));
  expect(evictions.length).toBeGreaterThan(3);
});

test("at the deadline what is left is named with its budget, its webhook, or its grace", async () => {
  const { cluster, api } = await createRack();
  await cluster.cordon("m1", owner("r1"));
  api.addPod({ name: "web-1", node: "w1", labels: web });
  api.addPdb({ name: "web-pdb", minAvailable: 1, matchLabels: web });
  api.addPod({ name: "kept", node: "w1", unevictable: true });
  api.addPod({ name: "stuck", node: "w1", sticky: true });
  const report = await cluster.drain("m1", { deadlineMs: 60_000 });
  expect(report.evicted).toEqual([]);
  expect(report.left).toEqual([
    { pod: "default/web-1", why: expect.stringContaining("The disruption budget web-pdb needs 1 healthy pods and has 1 currently") },
    { pod: "default/kept", why: expect.stringContaining("keep.example.com") },
    { pod: "default/stuck", why: expect.stringContaining("still terminating") },
  ]);
});

test("Retry-After is respected", async () => {
  const { cluster, api } = await createRack();
  api.addPod({ name: "web-1", node: "w1" });
  api.intercept(({ path }) =>
    path.endsWith("/eviction") ? { code: 429, body: { message: "slow down" }, headers: { "retry-after": "90" } } : undefined,
  );
  const report = await cluster.drain("m1", { deadlineMs: 60_000 });
  expect(report.left).toEqual([{ pod: "default/web-1", why: "slow down" }]);
  expect(api.requests.filter(({ path }) => path.endsWith("/eviction"))).toHaveLength(1);
});

test("a pod on a dead node stays terminating and is reported, not forced", async () => {
  const { cluster, api, hosts } = await createRack();
  api.addPod({ name: "db-0", node: "w1", owner: "StatefulSet" });
  if (hosts[0]) hosts[0].faults.hang = true;
  const report = await cluster.drain("m1", { deadlineMs: 60_000 });
  expect(report.left).toEqual([{ pod: "default/db-0", why: expect.stringContaining("its node has not confirmed the end") }]);
  expect(api.requests.some(({ method }) => method === "DELETE")).toBe(false);
});

test("an API that goes away in between is waited for; one that never answers is an error", async () => {
  const { cluster, api } = await createRack();
  await cluster.cordon("m1", owner("r1"));
  api.addPod({ name: "web-1", node: "w1" });
  api.intercept(({ path }) => {
    if (!path.endsWith("/eviction")) return undefined;
    void api.mode("unavailable");
    return { code: 500, body: {} };
  });
  const draining = cluster.drain("m1", { deadlineMs: enough });
  await until(() => expect(api.requests.filter(({ path }) => path.endsWith("/eviction"))).toHaveLength(1));
  api.intercept(undefined);
  await api.mode("ok");
  expect((await draining).evicted).toEqual(["default/web-1"]);
  await api.mode("refused");
  await expect(cluster.drain("m1", { deadlineMs: 1000 })).rejects.toMatchObject({ code: "LO_CLUSTER_UNREACHABLE", effect: "none" });
});

test("a signal ends it", async () => {
  const { cluster, api } = await createRack();
  api.addPod({ name: "stuck", node: "w1", sticky: true });
  const stop = new AbortController();
  const draining = cluster.drain("m1", { deadlineMs: enough }, stop.signal);
  await until(() => expect(api.requests.some(({ path }) => path.endsWith("/eviction"))).toBe(true));
  stop.abort();
  await expect(draining).rejects.toThrow();
});
