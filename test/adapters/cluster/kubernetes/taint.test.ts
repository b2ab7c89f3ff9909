import { describe, expect, test } from "vitest";
import { GateClosedError, RefusedError } from "#events";
import { createRack, permitFor } from "./rack.ts";

type Rack = Awaited<ReturnType<typeof createRack>>;
// Without GPUs, which the taint evicts, no kubelet has anything to write into its Node: whoever writes is the one under test.
const quietRack = (options: Parameters<typeof createRack>[0] = {}) => createRack({ gpus: 0, ...options });
const KEY = "node.kubernetes.io/out-of-service";
const patches = ({ api }: Rack) => api.requests.filter(({ method }) => method === "PATCH");
const proven = async () => undefined;

test("sets the taint beside those that are there, and takes only its own back", async () => {
  const rack = await quietRack();
  const { cluster, api } = rack;
  const before = api.node("w1");
  api.put("nodes", { ...before, spec: { taints: [{ key: "gpu", effect: "NoSchedule" }] } } as never);
  expect(await cluster.taintOutOfService("m1", permitFor("m1"), proven)).toBe("set");
  expect(api.node("w1").spec.taints).toEqual([
    { key: "gpu", effect: "NoSchedule" },
    { key: KEY, value: "nodeshutdown", effect: "NoExecute" },
  ]);
  expect(await cluster.node("m1")).toMatchObject({ outOfService: true, taints: ["gpu:NoSchedule", `${KEY}=nodeshutdown:NoExecute`] });
  await cluster.untaintOutOfService("m1");
  expect(api.node("w1").spec.taints).toEqual([{ key: "gpu", effect: "NoSchedule" }]);
  await cluster.untaintOutOfService("m1");
  await cluster.untaintOutOfService("m9");
  expect(patches(rack)).toHaveLength(2);
});

test("already there: nothing is written and nothing needs proof", async () => {
  const rack = await quietRack();
  await rack.cluster.taintOutOfService("m1", permitFor("m1"), proven);
  const proof = () => Promise.reject(new Error("not asked"));
  expect(await rack.cluster.taintOutOfService("m1", permitFor("m1"), proof)).toBe("already");
  expect(patches(rack)).toHaveLength(1);
});

test("a proof that refuses: nothing is sent, and its own error comes out", async () => {
  const rack = await quietRack();
  const refused = new RefusedError("m1 reads PoweringOff, which is not off");
  await expect(rack.cluster.taintOutOfService("m1", permitFor("m1"), () => Promise.reject(refused))).rejects.toBe(refused);
  expect(patches(rack)).toEqual([]);
});

test("without a right permit not even a read is sent", async () => {
  const rack = await quietRack();
  const used = permitFor("m1");
  await rack.cluster.taintOutOfService("m1", used, proven);
  const before = rack.api.requests.length;
  for (const permit of [used, permitFor("m2"), permitFor("m1", "force-off"), { ...permitFor("m1") }]) {
    await expect(rack.cluster.taintOutOfService("m1", permit, proven)).rejects.toMatchObject({ code: "LO_PERMIT" });
  }
  expect(rack.api.requests).toHaveLength(before);
});

describe("the gate", () => {
  test("comes after the proof, and closed it lets no byte of the write out", async () => {
    const rack = await quietRack();
    const order: string[] = [];
    const permit = permitFor("m1", "taint-out-of-service", () => {
      order.push("gate");
      throw new GateClosedError("m1", "taint-out-of-service", "too late");
    });
    const proof = async () => void order.push("proof");
    await expect(rack.cluster.taintOutOfService("m1", permit, proof)).rejects.toMatchObject({ code: "LO_GATE_CLOSED", effect: "none" });
    expect(order).toEqual(["proof", "gate"]);
    expect(patches(rack)).toEqual([]);
    expect((await rack.cluster.node("m1"))?.outOfService).toBe(false);
  });

  test("is reached only when the connection stands", async () => {
    const rack = await quietRack();
    let gates = 0;
    const permit = permitFor("m1", "taint-out-of-service", () => {
      gates += 1;
    });
    const proof = () => rack.api.mode("refused");
    await expect(rack.cluster.taintOutOfService("m1", permit, proof)).rejects.toMatchObject({
      code: "LO_CLUSTER_UNREACHABLE",
      effect: "none",
    });
    expect(gates).toBe(0);
  });
});

describe("the effect of a failure", () => {
  const fails = async (rack: Rack) => {
    let proofs = 0;
    const proof = async () => {
      proofs += 1;
    };
    const error = await rack.cluster.taintOutOfService("m1", permitFor("m1"), proof).catch((thrown: unknown) => thrown);
    return { error, proofs };
  };

  test("is unknown once the request may be out: a reset, and it is never sent again", async () => {
    const rack = await quietRack();
    rack.api.intercept(({ method }) => {
      if (method === "PATCH") rack.api.breakWatches("reset");
      return undefined;
    });
    const { error, proofs } = await fails(rack);
    expect(error).toMatchObject({ code: "LO_CLUSTER_UNREACHABLE", effect: "unknown" });
    expect(proofs).toBe(1);
    expect(patches(rack)).toHaveLength(1);
  });

  test("is unknown after a 5xx", async () => {
    const rack = await quietRack();
    rack.api.intercept(({ method }) => (method === "PATCH" ? { code: 504, body: { reason: "Timeout", message: "etcd" } } : undefined));
    expect((await fails(rack)).error).toMatchObject({ code: "LO_CLUSTER_UNREACHABLE", effect: "unknown" });
    expect(patches(rack)).toHaveLength(1);
  });

  test("is unknown when the answer never comes", async () => {
    const rack = await quietRack({ timeouts: { request: 30_000 } });
    const proof = () => rack.api.mode("hang");
    await expect(rack.cluster.taintOutOfService("m1", permitFor("m1"), proof)).rejects.toMatchObject({ effect: "unknown" });
  });

  test("is none after a 403, which says what was denied", async () => {
    const rack = await quietRack();
    rack.api.intercept(({ method }) =>
      method === "PATCH" ? { code: 403, body: { reason: "Forbidden", message: "cannot patch nodes" } } : undefined,
    );
    const { error } = await fails(rack);
    expect(error).toMatchObject({ code: "LO_CLUSTER_REFUSED", effect: "none", message: expect.stringContaining("cannot patch nodes") });
  });

  test("is none after a conflict: read again, proven again, and only then written", async () => {
    const rack = await quietRack();
    let conflicts = 2;
    rack.api.intercept(({ method }) => {
      if (method === "PATCH" && conflicts-- > 0) rack.api.annotate("w1", "x", String(conflicts));
      return undefined;
    });
    expect(await fails(rack)).toEqual({ error: "set", proofs: 3 });
  });

  test("a Node that was replaced under the same name is another Node: read and proven again", async () => {
    const rack = await quietRack({ machines: 1 });
    rack.api.intercept(({ method }) => {
      if (method !== "PATCH") return undefined;
      rack.api.intercept(undefined);
      // Alike in all that its kubelet would write, or that writes in between.
      const { metadata, ...same } = rack.api.node("w1");
      const { uid: _uid, resourceVersion: _version, ...kept } = metadata;
      rack.api.remove("nodes", "w1");
      rack.api.put("nodes", { ...same, metadata: kept });
      return undefined;
    });
    expect(await fails(rack)).toEqual({ error: "set", proofs: 2 });
  });

  test("a Node that vanished is a refusal", async () => {
    const rack = await quietRack({ machines: 1 });
    rack.api.intercept(({ method }) => {
      if (method === "PATCH") rack.api.remove("nodes", "w1");
      return undefined;
    });
    expect((await fails(rack)).error).toMatchObject({ code: "LO_CLUSTER_REFUSED", effect: "none" });
  });
});
