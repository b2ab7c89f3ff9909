import fc from "fast-check";
import { expect, test } from "vitest";
import { requestsOf } from "#adapters/cluster/kubernetes/requests.ts";
import { roomElsewhere } from "#adapters/cluster/kubernetes/room.ts";

interface Shape {
  readonly allocatable?: object;
  readonly labels?: object;
  readonly taints?: readonly object[];
  readonly ready?: string;
  readonly unschedulable?: boolean;
}

const node = (name: string, { allocatable, labels = {}, taints = [], ready = "True", unschedulable = false }: Shape = {}) => ({
  metadata: { name, labels },
  spec: { taints, unschedulable },
  status: { allocatable: { cpu: "4", memory: "8Gi", pods: "10", ...allocatable }, conditions: [{ type: "Ready", status: ready }] },
});
const pod = (name: string, on: string, requests: object, spec: object = {}, phase = "Running") => ({
  metadata: { name, namespace: "default", ownerReferences: [{ kind: "ReplicaSet", name: "web", controller: true }] },
  spec: { nodeName: on, containers: [{ resources: { requests } }], ...spec },
  status: { phase },
});
const fits = (nodes: readonly unknown[], ...pods: readonly unknown[]) => roomElsewhere([node("own"), ...nodes], pods, "own").fits;
const affinity = (...nodeSelectorTerms: readonly object[]) => ({
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
});

test("what runs elsewhere takes its room, what has finished does not", () => {
  const moving = pod("a", "own", { cpu: "3" });
  expect(fits([node("w2")], moving)).toBe(true);
  expect(fits([node("w2")], moving, pod("b", "w2", { cpu: "1500m" }))).toBe(false);
  expect(fits([node("w2")], moving, pod("b", "w2", { cpu: "1500m" }, {}, "Succeeded"))).toBe(true);
});

test("there must be a device for each that is asked for, and a place for each pod", () => {
  const gpu = (count: string) => pod("a", "own", { "nvidia.com/gpu": count });
  expect(fits([node("w2")], gpu("1"))).toBe(false);
  expect(fits([node("w2", { allocatable: { "nvidia.com/gpu": "2" } })], gpu("2"))).toBe(true);
  expect(fits([node("w2", { allocatable: { "nvidia.com/gpu": "2" } })], gpu("3"))).toBe(false);
  expect(fits([node("w2", { allocatable: { pods: "1" } })], pod("a", "own", {}), pod("b", "own", {}))).toBe(false);
});

test("a node that is not ready, or not schedulable, has none; a machine alone has none", () => {
  const moving = pod("a", "own", {});
  expect(fits([node("w2", { ready: "Unknown" })], moving)).toBe(false);
  expect(fits([node("w2", { unschedulable: true })], moving)).toBe(false);
  expect(fits([], moving)).toBe(false);
  expect(fits([])).toBe(true);
});

test.each([
  [{ key: "zone", operator: "In", values: ["a", "b"] }, true],
  [{ key: "zone", operator: "NotIn", values: ["b"] }, false],
  [{ key: "zone", operator: "Exists" }, true],
  [{ key: "zone", operator: "DoesNotExist" }, false],
  [{ key: "cores", operator: "Gt", values: ["15"] }, true],
  [{ key: "cores", operator: "Lt", values: ["16"] }, false],
  [{ key: "constructor", operator: "Exists" }, false],
  [{ key: "zone", operator: "Near", values: ["b"] }, false],
])("required node affinity %j", (expression, expected) => {
  const moving = pod("a", "own", {}, affinity({ matchExpressions: [expression] }));
  expect(fits([node("w2", { labels: { zone: "b", cores: "16" } })], moving)).toBe(expected);
});

test("one term of an affinity is enough, an empty one is none, and a node can be meant by its name", () => {
  const unmet = { matchExpressions: [{ key: "zone", operator: "Exists" }] };
  const byName = (name: string) => ({ matchFields: [{ key: "metadata.name", operator: "In", values: [name] }] });
  expect(fits([node("w2")], pod("a", "own", {}, affinity(unmet, byName("w2"))))).toBe(true);
  expect(fits([node("w2")], pod("a", "own", {}, affinity(byName("own"))))).toBe(false);
  expect(fits([node("w2")], pod("a", "own", {}, affinity({})))).toBe(false);
  expect(fits([node("w2")], pod("a", "own", {}, affinity()))).toBe(false);
});

test.each([
  [{ operator: "Exists" }, true],
  [{ key: "dedicated", operator: "Exists" }, true],
  [{ key: "dedicated", value: "gpu" }, true],
  [{ key: "dedicated", value: "gpu", effect: "NoExecute" }, false],
  [{ key: "dedicated", value: "cpu" }, false],
])("the toleration %j of dedicated=gpu:NoSchedule", (toleration, expected) => {
  const tainted = node("w2", { taints: [{ key: "dedicated", value: "gpu", effect: "NoSchedule" }] });
  expect(fits([tainted], pod("a", "own", {}, { tolerations: [toleration] }))).toBe(expected);
});

test("a taint that only asks for others to be preferred keeps nobody away", () => {
  expect(fits([node("w2", { taints: [{ key: "old", effect: "PreferNoSchedule" }] })], pod("a", "own", {}))).toBe(true);
});

test("a pod's request is counted as the scheduler does", () => {
  const cpu = (amount: string) => ({ resources: { requests: { cpu: amount } } });
  const of = (spec: object) => requestsOf({ spec }).cpu;
  expect(of({ containers: [cpu("1"), cpu("500m")] })).toBeCloseTo(1.5);
  expect(of({ containers: [cpu("1")], initContainers: [cpu("3")] })).toBeCloseTo(3);
  expect(of({ containers: [cpu("1")], initContainers: [{ ...cpu("500m"), restartPolicy: "Always" }, cpu("2")] })).toBeCloseTo(2.5);
  expect(of({ containers: [cpu("2")], initContainers: [{ ...cpu("500m"), restartPolicy: "Always" }] })).toBeCloseTo(2.5);
  expect(of({ containers: [cpu("1")], overhead: { cpu: "250m" } })).toBeCloseTo(1.25);
  expect(of({ containers: [cpu("1")], resources: { requests: { cpu: "4" } } })).toBeCloseTo(4);
});

test("a request that cannot be read fits nowhere", () => {
  expect(fits([node("w2")], pod("a", "own", { cpu: "a lot" }))).toBe(false);
});

test("tenths of cores add up", () => {
  const tenths = Array.from({ length: 9 }, (_, index) => pod(`p${index}`, "w2", { cpu: "100m" }));
  expect(fits([node("w2", { allocatable: { cpu: "1" } })], pod("a", "own", { cpu: "100m" }), ...tenths)).toBe(true);
});

test("a yes never puts more on the nodes than they have", () => {
  const cores = fc.integer({ min: 0, max: 4000 });
  fc.assert(
    fc.property(fc.array(cores, { maxLength: 6 }), fc.array(cores, { maxLength: 12 }), (nodes, wants) => {
      const places = nodes.map((milli, index) => node(`w${index}`, { allocatable: { cpu: `${milli}m`, pods: "100" } }));
      const pods = wants.map((milli, index) => pod(`p${index}`, "own", { cpu: `${milli}m` }));
      const sum = (all: readonly number[]) => all.reduce((one, other) => one + other, 0);
      if (!fits(places, ...pods)) return;
      expect(sum(wants)).toBeLessThanOrEqual(sum(nodes));
      expect(Math.max(0, ...wants)).toBeLessThanOrEqual(Math.max(0, ...nodes));
    }),
  );
});

test("nothing that an API could send makes it throw", () => {
  fc.assert(
    fc.property(fc.array(fc.anything()), fc.array(fc.anything()), (nodes, pods) => {
      expect(typeof roomElsewhere(nodes, pods, "own").fits).toBe("boolean");
    }),
  );
});
