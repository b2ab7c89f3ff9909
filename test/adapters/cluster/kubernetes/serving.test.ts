import fc from "fast-check";
import { expect, test } from "vitest";
import { readCsr } from "#adapters/cluster/kubernetes/csr.ts";
import { createCsr, servingRequest } from "#test/lab/kube-csr.ts";
import { createRack, permitFor } from "./rack.ts";

const csr = () => createCsr({ commonName: "system:node:w1", dnsNames: ["w1"], addresses: ["10.0.0.11", "fd00::11"] });

test("what a kubelet asks for is read, with everything that stands in its request", async () => {
  const { api, cluster } = await createRack();
  api.put("certificatesigningrequests", servingRequest({ name: "csr-1", node: "w1", request: csr() }));
  const [request, ...more] = await cluster.servingRequests();
  expect(more).toEqual([]);
  expect(request).toMatchObject({
    name: "csr-1",
    username: "system:node:w1",
    groups: ["system:nodes", "system:authenticated"],
    usages: ["digital signature", "key encipherment", "server auth"],
    csr: {
      commonName: "system:node:w1",
      organizations: ["system:nodes"],
      dnsNames: ["w1"],
      addresses: ["10.0.0.11", "fd00::11"],
      others: 0,
    },
  });
});

test("requests of other signers and decided ones are not listed", async () => {
  const { api, cluster } = await createRack();
  const of = (name: string, more: object) => ({ ...servingRequest({ name, node: "w1", request: csr() }), ...more });
  api.put("certificatesigningrequests", of("denied", { status: { conditions: [{ type: "Denied", status: "True" }] } }));
  const client = servingRequest({
    name: "client",
    node: "w1",
    request: csr(),
    spec: { signerName: "kubernetes.io/kube-apiserver-client-kubelet" },
  });
  api.put("certificatesigningrequests", client);
  expect(await cluster.servingRequests()).toEqual([]);
});

test("an approval is one write, made when the permit's gate allows, and the request is decided afterwards", async () => {
  const { api, cluster } = await createRack();
  api.put("certificatesigningrequests", servingRequest({ name: "csr-1", node: "w1", request: csr() }));
  const [request] = await cluster.servingRequests();
  if (!request) throw new Error("no request");
  const passed: string[] = [];
  const permit = permitFor("m1", "approve-serving", () => passed.push("gate"));
  expect(await cluster.approveServing(request, permit)).toBe("approved");
  expect(passed).toEqual(["gate"]);
  const writes = api.requests.filter(({ method }) => method !== "GET");
  expect(writes.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/csr-1/approval",
  ]);
  expect(JSON.parse(writes[0]?.body ?? "")).toMatchObject({
    status: { conditions: [{ type: "Approved", status: "True", reason: "LightsoutApproved" }] },
  });
  expect(await cluster.servingRequests()).toEqual([]);
  expect(await cluster.approveServing(request, permitFor("m1", "approve-serving"))).toBe("gone");
});

test("a request that was replaced under its name is not approved in its place", async () => {
  const { api, cluster } = await createRack();
  api.put("certificatesigningrequests", servingRequest({ name: "csr-1", node: "w1", request: csr() }));
  const [request] = await cluster.servingRequests();
  if (!request) throw new Error("no request");
  api.remove("certificatesigningrequests", "csr-1");
  api.put(
    "certificatesigningrequests",
    servingRequest({ name: "csr-1", node: "w1", request: createCsr({ commonName: "system:node:w2" }) }),
  );
  expect(await cluster.approveServing(request, permitFor("m1", "approve-serving"))).toBe("gone");
  expect(api.requests.filter(({ method }) => method !== "GET")).toEqual([]);
});

test("nothing is sent when the gate is shut, or without a permit for it", async () => {
  const { api, cluster } = await createRack();
  api.put("certificatesigningrequests", servingRequest({ name: "csr-1", node: "w1", request: csr() }));
  const [request] = await cluster.servingRequests();
  if (!request) throw new Error("no request");
  const shut = permitFor("m1", "approve-serving", () => {
    throw new Error("shut");
  });
  await expect(cluster.approveServing(request, shut)).rejects.toThrow("shut");
  await expect(cluster.approveServing(request, permitFor("m1", "cordon"))).rejects.toThrow("the permit is for cordon");
  expect(api.requests.filter(({ method }) => method !== "GET")).toEqual([]);
});

test("names of kinds that no kubelet asks for are counted", () => {
  expect(readCsr(createCsr({ commonName: "system:node:w1", emails: ["root@example.com"] }))).toMatchObject({ dnsNames: [], others: 1 });
});

test("what is no request is unreadable, whatever stands in it", () => {
  const good = Buffer.from(csr(), "base64").toString();
  for (const broken of [
    "",
    "bm8=",
    Buffer.from(good.replace("MII", "MIJ")).toString("base64"),
    Buffer.from(good + good).toString("base64"),
  ]) {
    expect(readCsr(broken)).toBeUndefined();
  }
  const body = Buffer.from(good.replace(/-----[^-]+-----|\s/g, ""), "base64");
  fc.assert(
    fc.property(fc.nat(body.length - 1), fc.integer({ min: 0, max: 255 }), fc.boolean(), (at, byte, cut) => {
      const changed = cut ? body.subarray(0, at) : Buffer.from(body);
      if (!cut) changed[at] = byte;
      const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${changed.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
      const read = readCsr(Buffer.from(pem).toString("base64"));
      expect(read === undefined || typeof read.commonName === "string").toBe(true);
    }),
    { numRuns: 500 },
  );
});
