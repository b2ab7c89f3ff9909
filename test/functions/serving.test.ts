import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ServingRequest } from "#adapters/cluster/port.ts";
import { DeviceError } from "#events";
import csrApprover from "#functions/csr-approver.ts";
import { judgeServing } from "#functions/guards/serving.ts";
import powerOff from "#functions/power-off.ts";
import { lastOf, type Rig, shows, startRig } from "./rig.ts";

const node = "gpu-02";
const user = `system:node:${node}`;
const facts = { node, names: [node], addresses: ["10.0.0.2", "fd00::2"] };
const csr = { commonName: user, organizations: ["system:nodes"], dnsNames: [node], addresses: ["10.0.0.2", "FD00:0::0002"], others: 0 };
const honest: ServingRequest = {
  ...{ name: "csr-1", uid: "uid-1", resourceVersion: "7", username: user, groups: ["system:nodes", "system:authenticated"] },
  ...{ usages: ["digital signature", "key encipherment", "server auth"], csr },
};
const asking = (change: Partial<typeof csr>): ServingRequest => ({ ...honest, csr: { ...csr, ...change } });
const verdict = (request: ServingRequest) => judgeServing(request, facts);

describe("a request for a serving certificate", () => {
  test("is approved when it says what Talos confirms, in whatever way an address is written", () => {
    expect(verdict(honest)).toEqual({ approve: true, why: "system:node:gpu-02 for gpu-02, 10.0.0.2, FD00:0::0002, as Talos confirms" });
    expect(verdict({ ...honest, usages: ["server auth", "digital signature"] }).approve).toBe(true);
    expect(verdict(asking({ dnsNames: [] })).approve).toBe(true);
    expect(verdict(asking({ addresses: [] })).approve).toBe(true);
  });

  const hostile: readonly (readonly [what: string, request: ServingRequest, why: string])[] = [
    ["of another node", { ...honest, username: "system:node:gpu-03" }, "system:node:gpu-03 asks for it, not system:node:gpu-02"],
    ["of a service account", { ...honest, username: "system:serviceaccount:x:y" }, "system:serviceaccount:x:y asks for it"],
    ["of nobody", { ...honest, username: "" }, "nobody asks for it"],
    ["of a user who is in no group of nodes", { ...honest, groups: ["system:authenticated"] }, "is not in the group system:nodes"],
    ["for a client", { ...honest, usages: [...honest.usages, "client auth"] }, "to be used for client auth"],
    ["for signing", { ...honest, usages: [...honest.usages, "cert sign"] }, "to be used for cert sign"],
    ["for no server", { ...honest, usages: ["digital signature"] }, "not to be used for server auth"],
    ["for nothing", { ...honest, usages: [] }, "not to be used for server auth"],
    ["that cannot be read", { ...honest, csr: undefined }, "cannot be read"],
    ["in another name", asking({ commonName: "system:node:cp-01" }), "it is for system:node:cp-01, and system:node:gpu-02 asks for it"],
    [
      "for the masters",
      asking({ organizations: ["system:nodes", "system:masters"] }),
      "system:nodes, system:masters, not system:nodes alone",
    ],
    ["for the nodes twice", asking({ organizations: ["system:nodes", "system:nodes"] }), "not system:nodes alone"],
    ["for no organization", asking({ organizations: [] }), "its organizations are none"],
    ["with one more name", asking({ dnsNames: [node, "kubernetes.default.svc"] }), "does not confirm the name kubernetes.default.svc"],
    ["with a wildcard", asking({ dnsNames: ["*"] }), "does not confirm the name *"],
    ["with its name in another case", asking({ dnsNames: ["GPU-02"] }), "does not confirm the name GPU-02"],
    ["with the address of another machine", asking({ addresses: ["10.0.0.3"] }), "does not confirm the address 10.0.0.3"],
    ["with the address of everybody", asking({ addresses: ["10.0.0.2", "127.0.0.1"] }), "does not confirm the address 127.0.0.1"],
    ["with an address that is none", asking({ addresses: ["10.0.0.2/8"] }), "does not confirm the address 10.0.0.2/8"],
    ["with an address inside another", asking({ addresses: ["::ffff:10.0.0.2"] }), "does not confirm the address ::ffff:10.0.0.2"],
    ["with a zone", asking({ addresses: ["fd00::2%eth0"] }), "does not confirm the address fd00::2%eth0"],
    ["with e-mail and URI", asking({ others: 2 }), "names more than DNS names and addresses"],
    ["without any name", asking({ dnsNames: [], addresses: [] }), "neither a DNS name nor an address"],
  ];
  test.each(hostile)("%s is left alone", (_, request, why) => {
    expect(verdict(request)).toEqual({ approve: false, why: expect.stringContaining(why) });
  });

  test("is left alone while Talos confirms nothing", () => {
    expect(judgeServing(honest, { node, names: [], addresses: [] }).approve).toBe(false);
  });

  test("is never approved for a name or an address that was not confirmed, whatever it says", () => {
    const word = fc.oneof(fc.constantFrom(node, "10.0.0.2", "fd00::2", "", "*", "10.0.0.3"), fc.string(), fc.ipV4(), fc.ipV6());
    const any: fc.Arbitrary<ServingRequest> = fc.record({
      ...{ name: fc.string(), uid: fc.string(), resourceVersion: fc.string(), username: fc.oneof(fc.constant(user), fc.string()) },
      groups: fc.array(fc.constantFrom("system:nodes", "system:masters")),
      usages: fc.array(fc.constantFrom("digital signature", "server auth", "client auth", "cert sign")),
      csr: fc.record({
        commonName: fc.constantFrom(user, "admin"),
        organizations: fc.array(fc.constantFrom("system:nodes", "system:masters"), { maxLength: 2 }),
        ...{ dnsNames: fc.array(word, { maxLength: 2 }), addresses: fc.array(word, { maxLength: 2 }), others: fc.nat({ max: 1 }) },
      }),
    });
    fc.assert(
      fc.property(any, (request) => {
        if (!verdict(request).approve) return;
        expect(request.username).toBe(user);
        expect(request.usages).not.toContain("client auth");
        expect(request.csr?.organizations).toEqual(["system:nodes"]);
        expect(request.csr?.dnsNames.every((name) => name === node)).toBe(true);
        expect(request.csr?.addresses.every((address) => ["10.0.0.2", "fd00::2"].includes(address))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

const machines = [
  { name: "gpu-01", address: "10.0.0.1" },
  { name: "gpu-02", address: "10.0.0.2" },
] as const;

const start = (trust: "auto" | "ask" | "observe" = "auto") =>
  startRig({ machines: machines.map((machine) => ({ ...machine, trust })), functions: [csrApprover] });

async function asked(rig: Rig, change: Partial<ServingRequest> = {}): Promise<string> {
  const { name, uid } = rig.world.askServing("gpu-02", change);
  await rig.office.bus.publish(csrApprover.on, { machine: "gpu-02", request: name, uid }, { id: uid, source: "test" });
  await rig.until("it began", async () => (await rig.runsOf("gpu-02")).length > 0);
  return (await rig.runsOf("gpu-02")).at(-1)?.run ?? "";
}

test("csr-approver: what Talos confirms is approved, once", async () => {
  const rig = await start();
  const run = await asked(rig);
  expect(await rig.ended(run)).toBe("ok");
  expect(await rig.lines(run)).toMatchInlineSnapshot(`
    [
      "started csr-approver for gpu-02",
      "done "what its kubelet asks for" [{"name":"csr-1","uid":"uid-csr-1","approve":true,"why":"system:node:gpu-02 for gpu-02, 10.0.0.2, as Talos confirms"}]",
      "intent "approve csr-1" approve-serving #1",
      "outcome "approve csr-1" done: decided",
      "finished ok",
    ]
  `);
  expect(rig.world.api.approved).toEqual(["csr-1"]);
  expect(rig.world.machine("gpu-02").did.approve).toBe(1);
  // Certificates are no power cycles.
  expect(await rig.office.reservations.uses("machine/gpu-02")).toEqual([]);
});

test("csr-approver: what is asked for too much is left alone and shown on the Node, and the rest is approved", async () => {
  const rig = await start();
  rig.world.askServing("gpu-02", { usages: ["server auth", "client auth"] });
  const run = await asked(rig);
  expect(await rig.ended(run)).toBe("ok");
  expect(rig.world.api.approved).toEqual(["csr-2"]);
  expect(rig.world.api.requests.map(({ name }) => name)).toEqual(["csr-1"]);
  expect(rig.world.api.reports).toEqual([
    { machine: "gpu-02", reason: "LightsoutServingRequest", message: "csr-1: it is to be used for client auth" },
  ]);
});

test("csr-approver: where the policy is to report, nothing is approved", async () => {
  const rig = await start();
  rig.world.policy.serving = "report";
  expect(await rig.ended(await asked(rig))).toBe("ok");
  expect(rig.world.api.approved).toEqual([]);
  expect(rig.world.api.reports.map(({ message }) => message)).toEqual([
    "csr-1: a person may approve it: system:node:gpu-02 for gpu-02, 10.0.0.2, as Talos confirms",
  ]);
});

test("csr-approver: at an address where another machine's Talos answers, nothing is confirmed", async () => {
  const rig = await start();
  rig.world.machine("gpu-02").system.faults.identity = { uuid: "4c4c4544-0033-4a10-8051-c7c04f5a3201" };
  expect(await rig.ended(await asked(rig))).toBe("ok");
  expect(rig.world.api.approved).toEqual([]);
  expect(rig.world.api.reports[0]?.message).toContain("which is another machine");
});

test("csr-approver: Talos that starts up is waited for", async () => {
  const rig = await start();
  rig.world.machine("gpu-02").system.faults.silent = true;
  const run = await asked(rig);
  await rig.clock.sleep(60_000);
  expect(rig.world.api.approved).toEqual([]);
  rig.world.machine("gpu-02").system.faults.silent = false;
  expect(await rig.ended(run)).toBe("ok");
  expect(rig.world.api.approved).toEqual(["csr-1"]);
});

test("csr-approver: what was held back is judged again when it may act", async () => {
  const rig = await start();
  await rig.say("freeze-requested", { reason: "audit" });
  const run = await asked(rig);
  await shows(rig, run, "frozen by alice: audit");
  // Meanwhile the machine got another address.
  const [request] = rig.world.api.requests;
  Object.assign(rig.world.machine("gpu-02").facts, { address: "10.0.0.9" });
  await rig.say("freeze-released", {});
  expect(await rig.ended(run)).toBe("ok");
  expect(await rig.lines(run)).toContainEqual(
    expect.stringContaining("left alone: Talos on the machine does not confirm the address 10.0.0.2"),
  );
  expect(rig.world.api.requests).toEqual([request]);
});

test("csr-approver: it touches no BMC, so a silent one does not keep the kubelet waiting", async () => {
  const rig = await start();
  rig.world.machine("gpu-02").bmc.silent = true;
  expect(await rig.ended(await asked(rig))).toBe("ok");
  expect(rig.world.api.approved).toEqual(["csr-1"]);
});

test("csr-approver: under trust observe nothing is approved, under ask a person decides", async () => {
  const observing = await start("observe");
  const seen = await asked(observing);
  expect(await observing.ended(seen)).toBe("observed");
  expect(observing.world.api.approved).toEqual([]);
  const asks = await start("ask");
  const run = await asked(asks);
  await asks.answer(run, true);
  expect(await asks.ended(run)).toBe("ok");
  expect(asks.world.api.approved).toEqual(["csr-1"]);
});

test("csr-approver: an API that forbids the approval ends it, and the machine is free for others", async () => {
  const rig = await start();
  const about = { target: "gpu-02", operation: "approve", effect: "none" } as const;
  const forbids = async () => Promise.reject(new DeviceError("LO_CLUSTER_REFUSED", about, "403: may not approve for this signer"));
  Object.assign(rig.world.ports.cluster, { approveServing: forbids });
  const run = await asked(rig);
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("may not approve for this signer");
  expect(await rig.office.claims.holder("gpu-02")).toBeUndefined();
});

test("csr-approver: a machine that is to be switched is not kept waiting for a question about a certificate", async () => {
  const rig = await startRig({ machines: machines.map((machine) => ({ ...machine, trust: "ask" })), functions: [csrApprover, powerOff] });
  const run = await asked(rig);
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  expect(await rig.ended(await rig.say("power-off-requested", { machine: "gpu-02" }))).toBe("ok");
  expect(await rig.ended(run)).toBe("superseded");
});
