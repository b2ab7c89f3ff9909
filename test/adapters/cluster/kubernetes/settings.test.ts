import { expect, test } from "vitest";
import { quantity } from "#adapters/cluster/kubernetes/quantity.ts";
import type { KubeObject } from "#test/lab/kube-objects.ts";
import { createRack } from "./rack.ts";

test("labels and taints are set once, and what others set stays", async () => {
  const { api, cluster } = await createRack();
  const node = api.node("w1");
  api.put("nodes", { ...node, metadata: { ...node.metadata, labels: { ...node.metadata.labels, theirs: "1" } } });
  const wanted = { labels: { "node-restriction.kubernetes.io/pool": "gpu" }, taints: { dedicated: "gpu:NoSchedule", spare: ":NoExecute" } };
  expect(await cluster.settle("m1", wanted)).toEqual([
    "label node-restriction.kubernetes.io/pool=gpu",
    "taint dedicated=gpu:NoSchedule",
    "taint spare:NoExecute",
  ]);
  expect(api.node("w1").metadata.labels).toMatchObject({ theirs: "1", "node-restriction.kubernetes.io/pool": "gpu" });
  expect(api.node("w1").spec.taints).toMatchObject([
    { key: "dedicated", value: "gpu", effect: "NoSchedule" },
    { key: "spare", effect: "NoExecute" },
  ]);
  expect(await cluster.settle("m1", wanted)).toEqual([]);
  expect(await cluster.settle("m1", { labels: {}, taints: { dedicated: "cpu:NoSchedule" } })).toEqual(["taint dedicated=cpu:NoSchedule"]);
  expect(api.node("w1").spec.taints?.filter(({ key }) => key === "dedicated")).toHaveLength(1);
});

test("manifests are applied server-side, namespaces first, and twice is as once", async () => {
  const { api, cluster } = await createRack();
  const manifests = `
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: cilium, namespace: cni }
spec: { selector: { matchLabels: { app: cilium } } }
---
apiVersion: v1
kind: Namespace
metadata: { name: cni }
---
`;
  expect(await cluster.apply(manifests)).toEqual(["Namespace cni", "DaemonSet cni/cilium"]);
  expect(await cluster.apply(manifests)).toEqual(["Namespace cni", "DaemonSet cni/cilium"]);
  const patches = api.requests.filter(({ method }) => method === "PATCH").map(({ path }) => path);
  expect(patches).toHaveLength(4);
  expect(patches[1]).toBe("/apis/apps/v1/namespaces/cni/daemonsets/cilium?fieldManager=lightsout&force=true");
});

test("nothing is sent of manifests of which one part is none", async () => {
  const { api, cluster } = await createRack();
  const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: { name: cni }\n";
  await expect(cluster.apply(`${namespace}---\nkind: Nothing\n`)).rejects.toThrow("document 2");
  await expect(cluster.apply(`${namespace}---\na: [`)).rejects.toThrow("document 2");
  expect(api.requests.filter(({ method }) => method === "PATCH")).toEqual([]);
  await expect(cluster.apply("apiVersion: v1\nkind: Unknown\nmetadata: { name: x }\n")).rejects.toThrow("knows no Unknown");
});

const pod = (name: string, node: string | undefined, requests: object, spec: object = {}): KubeObject =>
  ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "u", controller: true }],
    },
    spec: {
      ...(node === undefined ? {} : { nodeName: node }),
      containers: [{ name: "main", image: "x", resources: { requests } }],
      ...spec,
    },
    status: { phase: "Running" },
  }) as unknown as KubeObject;

test("room elsewhere is judged by requests, selectors and taints", async () => {
  const { api, cluster } = await createRack();
  api.put("pods", pod("small", "w1", { cpu: "500m", memory: "1Gi" }));
  expect(await cluster.room("m1")).toEqual({ fits: true, why: "1 pods fit on 1 other nodes" });
  api.put("pods", pod("large", "w1", { cpu: "40" }));
  expect(await cluster.room("m1")).toEqual({ fits: false, why: "no other node has room for default/large" });
  api.remove("pods", "large", "default");
  api.put("pods", pod("picky", "w1", {}, { nodeSelector: { zone: "b" } }));
  expect((await cluster.room("m1")).why).toContain("default/picky");
  api.remove("pods", "picky", "default");
  api.put("pods", pod("filler", "w2", { cpu: "31800m" }));
  expect((await cluster.room("m1")).why).toContain("default/small");
  api.remove("pods", "filler", "default");
  const other = api.node("w2");
  api.put("nodes", { ...other, spec: { ...other.spec, taints: [{ key: "dedicated", value: "gpu", effect: "NoSchedule" }] } } as never);
  expect((await cluster.room("m1")).fits).toBe(false);
  api.put("pods", pod("small", "w1", { cpu: "500m" }, { tolerations: [{ key: "dedicated", operator: "Exists" }] }));
  expect((await cluster.room("m1")).fits).toBe(true);
  api.personCordons("w2");
  expect((await cluster.room("m1")).fits).toBe(false);
});

test("the parts of Kubernetes on a machine, by their images and the kubelet's word", async () => {
  const { api, cluster } = await createRack();
  const part = (name: string, label: Record<string, string>, image: string, ready: boolean) =>
    ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `${name}-w1`, namespace: "kube-system", labels: label },
      spec: { nodeName: "w1", containers: [{ name, image }] },
      status: { phase: "Running", conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
    }) as unknown as KubeObject;
  api.put("pods", part("kube-apiserver", { component: "kube-apiserver" }, "registry.k8s.io/kube-apiserver:v1.34.1", true));
  api.put("pods", part("kube-proxy", { "k8s-app": "kube-proxy" }, "registry.k8s.io/kube-proxy:v1.33.9@sha256:00", false));
  expect(await cluster.components("m1")).toEqual([
    { component: "kube-apiserver", version: "v1.34.1", ready: true },
    { component: "kube-proxy", version: "v1.33.9", ready: false },
    { component: "kubelet", version: "v1.34.1", ready: true },
  ]);
  expect(await cluster.version()).toBe("v1.34.1");
});

test.each([
  ["500m", 0.5],
  ["2", 2],
  ["1.5Gi", 1.5 * 2 ** 30],
  ["1e3", 1000],
  ["128974848", 128974848],
  ["1E", 1e18],
  ["", undefined],
  ["-1", undefined],
  ["many", undefined],
])("the quantity %s", (text, value) => {
  expect(quantity(text)).toBe(value);
});

test("an API server that does not name its version is no answer", async () => {
  const { api, cluster } = await createRack();
  api.intercept(({ path }) => (path === "/version" ? { code: 200, body: { major: "1" } } : undefined));
  await expect(cluster.version()).rejects.toMatchObject({ code: "LO_CLUSTER_PROTOCOL", effect: "none" });
});
