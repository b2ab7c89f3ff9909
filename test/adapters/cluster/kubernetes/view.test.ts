import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { podRead } from "#adapters/cluster/kubernetes/pods.ts";
import { nodeView } from "#adapters/cluster/kubernetes/view.ts";

const machineOf = (node: string) => (node === "w1" ? "m1" : undefined);

const node = {
  metadata: {
    name: "w1",
    uid: "u-1",
    labels: { "node-role.kubernetes.io/control-plane": "", pool: "gpu" },
    annotations: { "lightsout.dev/hold": "fans being replaced", "lightsout.dev/cordoned-by": "lab/run-1" },
  },
  spec: {
    unschedulable: true,
    taints: [
      { key: "node.kubernetes.io/out-of-service", value: "nodeshutdown", effect: "NoExecute" },
      { key: "gpu", effect: "NoSchedule" },
    ],
  },
  status: {
    conditions: [
      { type: "MemoryPressure", status: "False" },
      { type: "Ready", status: "Unknown", reason: "NodeStatusUnknown" },
    ],
    addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
    capacity: { "nvidia.com/gpu": "8", "amd.com/gpu": "1" },
    allocatable: { "nvidia.com/gpu": "7" },
    nodeInfo: { systemUUID: "4C4C4544-0042", bootID: "b-1", osImage: "Talos (v1.13.9)", kubeletVersion: "v1.34.1" },
  },
};

test("a Node and its lease become the view of the port", () => {
  const lease = { spec: { renewTime: "2026-01-01T00:00:00.000000Z", leaseDurationSeconds: 40 } };
  expect(nodeView(node, lease, machineOf)).toMatchInlineSnapshot(`
    {
      "addresses": [
        "10.0.0.1",
      ],
      "bootID": "b-1",
      "controlPlane": true,
      "cordonedBy": "lab/run-1",
      "gpus": {
        "allocatable": 7,
        "capacity": 9,
      },
      "hold": {
        "reason": "fans being replaced",
      },
      "kubeletVersion": "v1.34.1",
      "labels": {
        "node-role.kubernetes.io/control-plane": "",
        "pool": "gpu",
      },
      "leaseRenewed": "2026-01-01T00:00:00.000000Z",
      "leaseSeconds": 40,
      "machine": "m1",
      "name": "w1",
      "osImage": "Talos (v1.13.9)",
      "outOfService": true,
      "ready": "unknown",
      "readyReason": "NodeStatusUnknown",
      "systemUUID": "4c4c4544-0042",
      "taints": [
        "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute",
        "gpu:NoSchedule",
      ],
      "uid": "u-1",
      "unschedulable": true,
    }
  `);
});

test("an end without a hold is a hold: whoever wrote it meant one", () => {
  const annotated = (annotations: object) => nodeView({ metadata: { name: "n", annotations } }, undefined, machineOf)?.hold;
  expect(annotated({ "lightsout.dev/hold-until": "2026-01-31T18:00:00Z" })).toEqual({ reason: "", until: "2026-01-31T18:00:00Z" });
  expect(annotated({ "lightsout.dev/hold": "" })).toEqual({ reason: "" });
  expect(annotated({ "lightsout.dev/other": "x" })).toBeUndefined();
});

test("without machine, lease, conditions and marks there are none in the view", () => {
  expect(nodeView({ metadata: { name: "x" } }, undefined, machineOf)).toMatchInlineSnapshot(`
    {
      "addresses": [],
      "bootID": "",
      "controlPlane": false,
      "gpus": {
        "allocatable": 0,
        "capacity": 0,
      },
      "kubeletVersion": "",
      "labels": {},
      "name": "x",
      "osImage": "",
      "outOfService": false,
      "ready": "missing",
      "systemUUID": "",
      "taints": [],
      "uid": "",
      "unschedulable": false,
    }
  `);
});

describe("whose cordon it is", () => {
  const cordonedBy = (unschedulable: boolean, ...managers: string[]) => {
    const managedFields = managers.map((manager) => ({ manager, fieldsV1: { "f:spec": { "f:unschedulable": {} } } }));
    return nodeView({ ...node, metadata: { ...node.metadata, managedFields }, spec: { unschedulable } }, undefined, machineOf)?.cordonedBy;
  };
  test("the annotation alone does not make a schedulable Node cordoned", () => expect(cordonedBy(false)).toBeUndefined());
  test("without managed fields the annotation is believed", () => expect(cordonedBy(true)).toBe("lab/run-1"));
  test("our own field is ours", () => expect(cordonedBy(true, "lightsout")).toBe("lab/run-1"));
  test("a person who cordoned it again under our old annotation owns it", () => expect(cordonedBy(true, "kubectl")).toBeUndefined());
});

/** JSON made of the keys that the parser looks for, with anything as their values. */
const keys = ["metadata", "name", "uid", "labels", "annotations", "spec", "taints", "key", "value", "effect", "unschedulable", "status"];
const more = ["conditions", "type", "Ready", "nodeInfo", "capacity", "nvidia.com/gpu", "managedFields", "fieldsV1", "f:spec", "addresses"];
const podKeys = ["namespace", "ownerReferences", "controller", "kind", "volumes", "tolerations", "lightsout.dev/cordoned-by", "__proto__"];
const garbage = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "medium" },
    fc.constantFrom(null, true, false, 0, -1, Number.POSITIVE_INFINITY, "", "True", "Ready", "8", "NaN", "w1", {}),
    fc.string(),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...keys, ...more, ...podKeys), tie("value"), { maxKeys: 8 }),
  ),
})).value;

test("garbage never throws, and never makes a Node without a name", () => {
  fc.assert(
    fc.property(garbage, garbage, (some, lease) => {
      for (const candidate of [some, { metadata: { name: "w1" }, spec: some, status: some }, { metadata: some, spec: some }]) {
        const view = nodeView(candidate, lease, machineOf);
        expect(view === undefined || view.name.length > 0).toBe(true);
        if (view) {
          expect(view.gpus.allocatable).toBeGreaterThanOrEqual(0);
          expect(["true", "false", "unknown", "missing"]).toContain(view.ready);
          expect(view.addresses.every((address) => typeof address === "string")).toBe(true);
        }
      }
    }),
    { numRuns: 2000 },
  );
});

test("garbage pods never throw, and a running pod without a controller is never replaceable", () => {
  fc.assert(
    fc.property(garbage, (some) => {
      podRead(some, new Set());
      const bare = podRead({ metadata: { name: "a", namespace: "b" }, spec: some, status: { phase: "Running" } }, new Set());
      expect(bare?.irreplaceable).toBe("unmanaged");
    }),
    { numRuns: 2000 },
  );
});
