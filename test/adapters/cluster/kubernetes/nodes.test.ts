import { expect, test } from "vitest";
import { createRack, owner, permitFor, until } from "./rack.ts";

const MARK = "lightsout.dev/cordoned-by";
const patches = (rack: Awaited<ReturnType<typeof createRack>>) => rack.api.requests.filter(({ method }) => method === "PATCH").length;

test("node() is a fresh read with the lease; an unknown machine has none", async () => {
  const { cluster, hosts } = await createRack();
  expect(await cluster.node("m1")).toMatchObject({
    name: "w1",
    machine: "m1",
    ready: "true",
    systemUUID: hosts[0]?.identity.uuid,
    bootID: hosts[0]?.bootId(),
    gpus: { allocatable: 4, capacity: 4 },
    leaseSeconds: 40,
    leaseRenewed: expect.stringMatching(/Z$/),
  });
  expect(await cluster.node("m9")).toBeUndefined();
});

test("nodes() has the Nodes of no machine too, and one without a lease", async () => {
  const { cluster, api } = await createRack();
  api.put("nodes", { apiVersion: "v1", kind: "Node", metadata: { name: "cloud-1" } });
  const nodes = await cluster.nodes();
  expect(nodes.map(({ name, machine }) => [name, machine])).toEqual([
    ["w1", "m1"],
    ["w2", "m2"],
    ["cloud-1", undefined],
  ]);
  expect(nodes[2]?.leaseRenewed).toBeUndefined();
});

test("a cordon carries its run and is taken back whole", async () => {
  const { cluster, api } = await createRack();
  expect(await cluster.cordon("m1", owner("run-1"))).toBe("ours");
  expect(api.node("w1")).toMatchObject({ spec: { unschedulable: true }, metadata: { annotations: { [MARK]: "lab/run-1" } } });
  expect((await cluster.node("m1"))?.cordonedBy).toBe("lab/run-1");
  expect(await cluster.uncordon("m1", owner("run-1"))).toBe("ours");
  expect(api.node("w1").spec.unschedulable).toBeUndefined();
  expect(api.node("w1").metadata.annotations).not.toHaveProperty(MARK);
});

test("cordoning and uncordoning a second time writes nothing", async () => {
  const rack = await createRack();
  await rack.cluster.cordon("m1", owner("run-1"));
  const cordoned = patches(rack);
  expect(await rack.cluster.cordon("m1", owner("run-1"))).toBe("ours");
  expect(patches(rack)).toBe(cordoned);
  await rack.cluster.uncordon("m1", owner("run-1"));
  const uncordoned = patches(rack);
  expect(await rack.cluster.uncordon("m1", owner("run-1"))).toBe("ours");
  expect(patches(rack)).toBe(uncordoned);
});

test("a person's cordon stays theirs, before and after", async () => {
  const rack = await createRack();
  rack.api.personCordons("w1");
  const before = rack.api.node("w1");
  expect(await rack.cluster.cordon("m1", owner("run-1"))).toBe("theirs");
  expect(await rack.cluster.uncordon("m1", owner("run-1"))).toBe("theirs");
  expect(patches(rack)).toBe(0);
  expect(rack.api.node("w1").metadata.annotations).toEqual(before.metadata.annotations);
});

test("another run's cordon is not ours, an inherited one is and carries the new run", async () => {
  const { cluster, api } = await createRack();
  await cluster.cordon("m1", owner("run-1"));
  expect(await cluster.cordon("m1", owner("run-2"))).toBe("theirs");
  expect(await cluster.uncordon("m1", owner("run-2"))).toBe("theirs");
  expect(await cluster.cordon("m1", owner("run-2", "run-1"))).toBe("ours");
  expect(api.node("w1").metadata.annotations?.[MARK]).toBe("lab/run-2");
});

test("a person who uncordons and cordons again takes it over, though our annotation is still there", async () => {
  const { cluster, api } = await createRack();
  await cluster.cordon("m1", owner("run-1"));
  api.personUncordons("w1");
  api.personCordons("w1");
  expect(api.node("w1").metadata.annotations?.[MARK]).toBe("lab/run-1");
  expect(await cluster.uncordon("m1", owner("run-1"))).toBe("theirs");
  expect(api.node("w1").spec.unschedulable).toBe(true);
});

test("a person who cordons between our read and our write wins", async () => {
  const { cluster, api } = await createRack();
  api.intercept(({ method }) => {
    if (method !== "PATCH") return undefined;
    api.intercept(undefined);
    api.personCordons("w1");
    return undefined;
  });
  expect(await cluster.cordon("m1", owner("run-1"))).toBe("theirs");
  expect(api.node("w1").metadata.annotations).not.toHaveProperty(MARK);
});

test("a status update in between only makes it try again", async () => {
  const rack = await createRack();
  let left = 3;
  rack.api.intercept(({ method }) => {
    if (method === "PATCH" && left-- > 0) rack.api.annotate("w1", "heartbeat", String(left));
    return undefined;
  });
  expect(await rack.cluster.cordon("m1", owner("run-1"))).toBe("ours");
  expect(patches(rack)).toBe(4);
});

test("a machine without a Node is a refusal that says which Node", async () => {
  const { cluster } = await createRack();
  await expect(cluster.cordon("m9", owner("run-1"))).rejects.toMatchObject({
    code: "LO_CLUSTER_REFUSED",
    effect: "none",
    message: expect.stringContaining("w9"),
  });
});

test("the hold of a person is seen with its reason", async () => {
  const { cluster, api } = await createRack();
  api.annotate("w1", "lightsout.dev/hold", "replacing fans");
  expect((await cluster.node("m1"))?.hold).toEqual({ reason: "replacing fans" });
});

test("an event is on the Node, also on one that does not exist, and its failure is only a problem", async () => {
  const { cluster, api, problems } = await createRack();
  const event = { reason: "Fenced", message: "off, twice read", type: "Warning" } as const;
  await cluster.report("m1", event);
  await cluster.report("m9", event);
  expect(api.events()).toMatchObject([
    { reason: "Fenced", type: "Warning", involvedObject: { kind: "Node", name: "w1", uid: api.node("w1").metadata.uid } },
    { involvedObject: { name: "w9", uid: "w9" } },
  ]);
  await api.mode("unavailable");
  await cluster.report("m1", event);
  expect(problems).toMatchObject([{ code: "LO_CLUSTER_UNREACHABLE" }]);
});

test("pods and attachments of the Node, before and after the fence", async () => {
  const { cluster, api, hosts } = await createRack();
  api.addPod({ name: "db-0", node: "w1", owner: "StatefulSet", volumes: [{ name: "data", persistentVolumeClaim: { claimName: "db" } }] });
  api.addPod({ name: "cni", node: "w1", owner: "DaemonSet", tolerations: [{ operator: "Exists" }] });
  api.addPod({
    name: "etcd-w1",
    namespace: "kube-system",
    node: "w1",
    owner: "mirror",
    tolerations: [{ operator: "Exists", effect: "NoExecute" }],
  });
  api.addPod({ name: "elsewhere", node: "w2" });
  api.addVolumeAttachment({ node: "w1", volume: "pv-db" });
  api.addVolumeAttachment({ node: "w2", volume: "pv-other" });
  expect(await cluster.pods("m1")).toEqual([
    {
      name: "db-0",
      namespace: "default",
      owner: "StatefulSet/db-0",
      daemonSet: false,
      mirror: false,
      phase: "Running",
      toleratesOutOfService: false,
    },
    {
      name: "cni",
      namespace: "default",
      owner: "DaemonSet/cni",
      daemonSet: true,
      mirror: false,
      phase: "Running",
      toleratesOutOfService: true,
    },
    { name: "etcd-w1", namespace: "kube-system", daemonSet: false, mirror: true, phase: "Running", toleratesOutOfService: true },
  ]);
  expect(await cluster.attachments("m1")).toEqual(["pv-db"]);

  hosts[0]?.press("force-off", "test");
  await until(async () => expect((await cluster.node("m1"))?.ready).toBe("unknown"));
  await cluster.taintOutOfService("m1", permitFor("m1"), async () => undefined);
  await until(async () => {
    expect((await cluster.pods("m1")).map(({ name }) => name)).toEqual(["cni", "etcd-w1"]);
    expect(await cluster.attachments("m1")).toEqual([]);
  });
});
