import {
  CoreV1Api,
  KubeConfig,
  makeInformer,
  PatchStrategy,
  PolicyV1Api,
  StorageV1Api,
  setHeaderOptions,
  type V1Node,
  Watch,
} from "@kubernetes/client-node";
import { afterEach, describe, expect, test, vi } from "vitest";
import { scaledClock } from "#events";
import { createHost, type Host } from "./host.ts";
import { createKubeApi, type KubeApi, type Member } from "./kube-api.ts";

/** The simulator is judged by Kubernetes' own JavaScript client, which this project did not write. */

const clock = scaledClock(100);
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 10 });
const opened: KubeApi[] = [];

async function lab(names: string[], member: (host: Host) => Partial<Member> = () => ({})) {
  const hosts = names.map((name) => createHost({ name, clock, gpus: 2, bootMs: 5000, offMs: 500 }));
  const api = await createKubeApi({ clock, hosts: hosts.map((host) => ({ host, node: host.name, ...member(host) })) });
  opened.push(api);
  const config = new KubeConfig();
  config.loadFromString(api.kubeconfig);
  return { api, hosts, config, core: config.makeApiClient(CoreV1Api) };
}

const readyOf = (node: V1Node) => node.status?.conditions?.find((one) => one.type === "Ready")?.status;

afterEach(async () => {
  for (const api of opened.splice(0)) await api.close();
});

describe("nodes", () => {
  test("are listed with what their hosts are, and a lease each", async () => {
    const { core, hosts } = await lab(["w1", "w2"], () => ({ controlPlane: true, labels: { pool: "gpu" } }));
    const { items } = await core.listNode();
    expect(items.map((node) => node.metadata?.name)).toEqual(["w1", "w2"]);
    const [first] = items;
    expect(first?.status?.nodeInfo?.systemUUID).toBe(hosts[0]?.identity.uuid);
    expect(first?.status?.nodeInfo?.bootID).toBe(hosts[0]?.bootId());
    expect(first?.status?.allocatable?.["nvidia.com/gpu"]).toBe("2");
    expect(first?.metadata?.labels).toMatchObject({ pool: "gpu", "node-role.kubernetes.io/control-plane": "" });
    expect(first && readyOf(first)).toBe("True");
    const selected = await core.listNode({ labelSelector: "pool=gpu", fieldSelector: "metadata.name=w2" });
    expect(selected.items).toHaveLength(1);
  });

  test("a dead host's Node goes Unknown after the grace and comes back with a new boot id and fewer GPUs", async () => {
    const { api, core, hosts } = await lab(["w1", "w2"]);
    const [host] = hosts;
    if (!host) throw new Error("no host");
    const before = api.node("w1").status.nodeInfo.bootID;
    host.faults.hang = true;
    await until(async () => expect(readyOf(await core.readNode({ name: "w1" }))).toBe("Unknown"));
    expect(api.node("w1").spec.taints?.map((taint) => `${taint.key}:${taint.effect}`)).toEqual([
      "node.kubernetes.io/unreachable:NoSchedule",
      "node.kubernetes.io/unreachable:NoExecute",
    ]);
    expect(readyOf(await core.readNode({ name: "w2" }))).toBe("True");

    host.faults.missingGpus = 1;
    host.press("cycle", "test");
    await until(async () => {
      const node = await core.readNode({ name: "w1" });
      expect(readyOf(node)).toBe("True");
      expect(node.status?.nodeInfo?.bootID).not.toBe(before);
      expect(node.status?.allocatable?.["nvidia.com/gpu"]).toBe("1");
    });
    await until(() => expect(api.node("w1").spec.taints).toBeUndefined());
  });

  test("a partition stops the lease though the host runs on", async () => {
    const { api, core } = await lab(["w1"]);
    api.partition("w1", true);
    await until(async () => expect(readyOf(await core.readNode({ name: "w1" }))).toBe("Unknown"));
    api.partition("w1", false);
    await until(async () => expect(readyOf(await core.readNode({ name: "w1" }))).toBe("True"));
  });

  test("swapped names show under each other's Node", async () => {
    const { api, hosts } = await lab(["w1", "w2"]);
    api.swap("w1", "w2");
    await until(() => expect(api.node("w1").status.nodeInfo.systemUUID).toBe(hosts[1]?.identity.uuid));
  });

  test("a host that is off at the start has a Node that is not ready", async () => {
    const host = createHost({ name: "w1", clock, power: "off", bootMs: 1000 });
    const api = await createKubeApi({ clock, hosts: [{ host, node: "w1" }] });
    opened.push(api);
    expect(api.node("w1").status.conditions[0]?.status).toBe("Unknown");
    host.press("on", "test");
    await until(() => expect(api.node("w1").status.conditions[0]?.status).toBe("True"));
  });
});

describe("writes", () => {
  test("all three patch formats, and a stale resource version is refused", async () => {
    const { core, api } = await lab(["w1"]);
    const patch = (body: object, strategy: PatchStrategy) =>
      core.patchNode({ name: "w1", body }, setHeaderOptions("Content-Type", strategy));
    await patch({ metadata: { annotations: { a: "1" } } }, PatchStrategy.MergePatch);
    await patch({ metadata: { annotations: { b: "2" } } }, PatchStrategy.StrategicMergePatch);
    await patch([{ op: "add", path: "/metadata/annotations/x~1y", value: "3" }], PatchStrategy.JsonPatch);
    expect(api.node("w1").metadata.annotations).toEqual({ a: "1", b: "2", "x/y": "3" });
    await expect(patch([{ op: "test", path: "/metadata/annotations/a", value: "0" }], PatchStrategy.JsonPatch)).rejects.toMatchObject({
      code: 422,
    });
    await expect(patch({ metadata: { resourceVersion: "1" } }, PatchStrategy.MergePatch)).rejects.toMatchObject({ code: 409 });
    await expect(patch({ metadata: { uid: "other" } }, PatchStrategy.MergePatch)).rejects.toMatchObject({ code: 409 });
  });

  test("a wrong token and an unknown name are refused", async () => {
    const { config, core } = await lab(["w1"]);
    await expect(core.readNode({ name: "nope" })).rejects.toMatchObject({ code: 404 });
    const stranger = new KubeConfig();
    stranger.loadFromOptions({
      clusters: config.clusters,
      contexts: config.contexts,
      currentContext: "lab",
      users: [{ name: "lightsout", token: "wrong" }],
    });
    await expect(stranger.makeApiClient(CoreV1Api).listNode()).rejects.toMatchObject({ code: 401 });
  });

  test("events are kept", async () => {
    const { core, api } = await lab(["w1"]);
    const body = { metadata: { generateName: "w1." }, involvedObject: { kind: "Node", name: "w1" }, reason: "Fenced" };
    await core.createNamespacedEvent({ namespace: "default", body });
    expect(api.events()).toMatchObject([{ reason: "Fenced", metadata: { namespace: "default" } }]);
  });
});

describe("pods", () => {
  test("an eviction is refused while the budget needs the pod and granted when a replacement runs", async () => {
    const { core, api } = await lab(["w1", "w2"]);
    const labels = { app: "web" };
    api.addPod({ name: "web-1", node: "w1", labels });
    api.addPod({ name: "web-2", node: "w1", labels });
    api.addPdb({ name: "web", minAvailable: 2, matchLabels: labels });
    const evict = (name: string) => core.createNamespacedPodEviction({ name, namespace: "default", body: { metadata: { name } } });
    await expect(evict("web-1")).rejects.toMatchObject({
      code: 429,
      body: expect.stringContaining("The disruption budget web needs 2 healthy pods and has 2"),
    });
    api.addPdb({ name: "web", minAvailable: 1, matchLabels: labels });
    api.personCordons("w1");
    await evict("web-1");
    await until(async () => {
      const { items } = await core.listNamespacedPod({ namespace: "default", fieldSelector: "spec.nodeName=w2" });
      expect(items.map((pod) => pod.status?.phase)).toEqual(["Running"]);
    });
    await until(() => expect(api.pods("w1").map((pod) => pod.metadata.name)).toEqual(["web-2"]));
  });

  test("out of service: pods on a dead node go, volumes are detached, tolerating pods stay", async () => {
    const { core, api, config, hosts } = await lab(["w1"]);
    api.addPod({ name: "db-0", node: "w1", owner: "StatefulSet" });
    api.addPod({ name: "nvidia-device-plugin-x", namespace: "gpu", node: "w1", owner: "DaemonSet" });
    api.addPod({ name: "cni-x", namespace: "kube-system", node: "w1", owner: "DaemonSet", tolerations: [{ operator: "Exists" }] });
    api.addVolumeAttachment({ node: "w1", volume: "pvc-1" });
    if (hosts[0]) hosts[0].faults.hang = true;
    await until(() => expect(api.node("w1").status.conditions[0]?.status).toBe("Unknown"));
    await core.deleteNamespacedPod({ name: "db-0", namespace: "default" });
    expect(api.pods("w1")).toHaveLength(3);

    const taints = [
      ...(api.node("w1").spec.taints ?? []),
      { key: "node.kubernetes.io/out-of-service", value: "nodeshutdown", effect: "NoExecute" },
    ];
    await core.patchNode({ name: "w1", body: { spec: { taints } } }, setHeaderOptions("Content-Type", PatchStrategy.MergePatch));
    await until(() => expect(api.pods("w1").map((pod) => pod.metadata.name)).toEqual(["cni-x"]));
    const storage = config.makeApiClient(StorageV1Api);
    await until(async () => expect((await storage.listVolumeAttachment()).items).toEqual([]));
  });

  test("the DaemonSet pod comes back after the taint is gone", async () => {
    const { api, hosts, core } = await lab(["w1"]);
    api.addPod({ name: "plugin-x", node: "w1", owner: "DaemonSet" });
    const [host] = hosts;
    host?.press("force-off", "test");
    await until(() => expect(api.node("w1").status.conditions[0]?.status).toBe("Unknown"));
    const body = { spec: { taints: [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] } };
    await core.patchNode({ name: "w1", body }, setHeaderOptions("Content-Type", PatchStrategy.MergePatch));
    await until(() => expect(api.pods("w1")).toEqual([]));
    host?.press("on", "test");
    await core.patchNode({ name: "w1", body: { spec: { taints: null } } }, setHeaderOptions("Content-Type", PatchStrategy.MergePatch));
    await until(() => expect(api.pods("w1").map((pod) => pod.status.phase)).toEqual(["Running"]));
  });

  test("budgets are listed", async () => {
    const { api, config } = await lab(["w1"]);
    api.addPdb({ name: "web", minAvailable: 2, matchLabels: { app: "web" } });
    const { items } = await config.makeApiClient(PolicyV1Api).listPodDisruptionBudgetForAllNamespaces();
    expect(items.map((one) => one.metadata?.name)).toEqual(["web"]);
  });
});

describe("watches", () => {
  test("the stock informer follows a change and relists after 410", async () => {
    const { api, core, config } = await lab(["w1"]);
    const seen: string[] = [];
    const informer = makeInformer(config, "/api/v1/nodes", () => core.listNode());
    informer.on("update", (node) => seen.push(node.metadata?.annotations?.mark ?? ""));
    await informer.start();
    await until(() => expect(api.watching()).toBe(1));
    api.annotate("w1", "mark", "one");
    await until(() => expect(seen).toContain("one"));
    api.breakWatches("gone");
    await until(() => expect(api.requests.filter(({ path }) => path === "/api/v1/nodes").length).toBeGreaterThan(1));
    api.annotate("w1", "mark", "two");
    await until(() => expect(seen).toContain("two"));
    await informer.stop();
  });

  test("bookmarks come to those who ask, and a version from before the history is an ERROR 410", async () => {
    const { api, config } = await lab(["w1"]);
    const watch = new Watch(config);
    const types: string[] = [];
    const open = (resourceVersion: string) =>
      watch.watch(
        "/api/v1/nodes",
        { allowWatchBookmarks: true, resourceVersion },
        (type) => types.push(type),
        () => undefined,
      );
    const first = await open(api.node("w1").metadata.resourceVersion ?? "0");
    await until(() => expect(types).toContain("BOOKMARK"));
    first.abort();
    api.breakWatches("gone");
    types.length = 0;
    await open("1000");
    await until(() => expect(types).toEqual(["ERROR"]));
  });

  test("the API can be down in four ways and comes back on the same port", async () => {
    const { api, core } = await lab(["w1"]);
    await api.mode("refused");
    await expect(core.listNode()).rejects.toThrow();
    await api.mode("unavailable");
    await expect(core.listNode()).rejects.toMatchObject({ code: 503 });
    await api.mode("reset");
    await expect(core.listNode()).rejects.toThrow();
    await api.mode("ok");
    expect((await core.listNode()).items).toHaveLength(1);
  });
});
