import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { createKubernetesCluster } from "#adapters/cluster/kubernetes/mod.ts";
import { scaledClock } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import { createHost } from "#test/lab/host.ts";
import { createKubeApi } from "#test/lab/kube-api.ts";
import { createCsr, servingRequest } from "#test/lab/kube-csr.ts";
import { peer } from "./peer.ts";

const found = peer("kubectl", "kubernetes-client");
// Before 1.22 kubectl spoke APIs that no cluster of today serves (eviction in policy/v1beta1, gone in 1.25): no judge of this one.
const kubectl = found !== undefined && minorOf(found) >= 22 ? found : undefined;
const run = promisify(execFile);

function minorOf(program: string): number {
  const told = JSON.parse(execFileSync(program, ["version", "--client", "-o", "json"], { encoding: "utf8" })) as {
    clientVersion?: { minor?: string };
  };
  return Number.parseInt(told.clientVersion?.minor ?? "0", 10);
}

/** kubectl as the person, and as the judge of the simulated API that the adapter's own tests rely on. */
async function rack() {
  const clock = scaledClock(20);
  const hosts = ["w1", "w2"].map((name) => ({ host: createHost({ name, clock, gpus: 1 }), node: name }));
  const api = await createKubeApi({ hosts, clock });
  const folder = await mkdtemp(join(tmpdir(), "lightsout-kubectl-"));
  const file = join(folder, "kubeconfig");
  await writeFile(file, api.kubeconfig, { mode: 0o600 });
  const cluster = createKubernetesCluster({
    kubeconfig: { file },
    site: "lab",
    nodeOf: String,
    machineOf: String,
    clock,
    timeouts: { request: 200_000 },
  });
  onTestFinished(async () => {
    await cluster.close();
    await api.close();
    await rm(folder, { recursive: true });
  });
  const person = async (...args: string[]) => {
    const { stdout, stderr } = await run(kubectl ?? "", args, { env: { KUBECONFIG: file, HOME: folder }, timeout: 15_000 });
    return stdout + stderr;
  };
  return { api, cluster, person };
}

const by = { run: "run-1", inherited: [] };
const permitFor = (machine: string) => {
  const signal = new AbortController().signal;
  return mintPermit({ run: "run-1", step: "approve", attempt: 1, machine, verb: "approve-serving", gate: () => undefined, signal });
};

describe.skipIf(!kubectl)("kubectl", () => {
  test("drains a Node of the simulated API as it would a real one", async () => {
    const { api, person } = await rack();
    api.addPod({ name: "web-1", node: "w1" });
    api.addPod({ name: "cni", node: "w1", owner: "DaemonSet", namespace: "kube-system" });
    const said = await person("drain", "w1", "--ignore-daemonsets", "--timeout=10s");
    expect(said).toContain("evicting pod default/web-1");
    expect(said).toContain("node/w1 drained");
    expect(api.pods("w1").map((pod) => pod.metadata.name)).toEqual(["cni"]);
  });

  test("a person's kubectl cordon stays theirs, also over our old annotation", async () => {
    const { api, cluster, person } = await rack();
    await person("cordon", "w1");
    expect(await cluster.cordon("w1", by)).toBe("theirs");
    await person("uncordon", "w1");
    expect(await cluster.cordon("w1", by)).toBe("ours");
    await person("uncordon", "w1");
    await person("cordon", "w1");
    expect(api.node("w1").metadata.annotations).toHaveProperty(["lightsout.dev/cordoned-by"], "lab/run-1");
    expect(await cluster.uncordon("w1", by)).toBe("theirs");
    expect(api.node("w1").spec.unschedulable).toBe(true);
  });

  test("describe shows our event, our cordon and the hold", async () => {
    const { cluster, person } = await rack();
    await cluster.cordon("w1", by);
    await cluster.report("w1", { reason: "PowerCycled", message: "off, twice read, on", type: "Normal" });
    await person("annotate", "node", "w1", "lightsout.dev/hold=fans", "lightsout.dev/hold-until=2026-01-31T18:00:00Z");
    expect((await cluster.node("w1"))?.hold).toEqual({ reason: "fans", until: "2026-01-31T18:00:00Z" });
    const said = await person("describe", "node", "w1");
    expect(said).toMatch(/Unschedulable:\s+true/);
    expect(said).toContain("lightsout.dev/cordoned-by: lab/run-1");
    expect(said).toMatch(/Normal\s+PowerCycled.*off, twice read, on/);
  });

  test("describe reads a kubelet's request as our adapter does, and shows that it was approved", async () => {
    const { api, cluster, person } = await rack();
    const request = createCsr({ commonName: "system:node:w1", dnsNames: ["w1"], addresses: ["10.0.0.11", "fd00::11"] });
    api.put("certificatesigningrequests", servingRequest({ name: "csr-1", node: "w1", request }));
    const [first] = await cluster.servingRequests();
    if (!first) throw new Error("no request");
    const said = await person("describe", "certificatesigningrequest", "csr-1");
    expect(said).toMatch(/Status:\s+Pending/);
    expect(said).toMatch(new RegExp(`Common Name:\\s+${first.csr?.commonName}`));
    expect(said).toMatch(new RegExp(`Organization:\\s+${first.csr?.organizations.join()}`));
    expect(said).toMatch(new RegExp(`DNS Names:\\s+${first.csr?.dnsNames.join()}`));
    for (const address of first.csr?.addresses ?? []) expect(said).toContain(address);
    expect(await cluster.approveServing(first, permitFor("w1"))).toBe("approved");
    expect(await person("describe", "certificatesigningrequest", "csr-1")).toMatch(/Status:\s+Approved/);
  });

  test("labels and taints that we set are there for a person, and theirs stay", async () => {
    const { cluster, person } = await rack();
    await person("taint", "node", "w1", "theirs=yes:PreferNoSchedule");
    await person("label", "node", "w1", "theirs=yes");
    await cluster.settle("w1", { labels: { ours: "yes" }, taints: { dedicated: "gpu:NoSchedule" } });
    const said = await person("describe", "node", "w1");
    for (const one of ["theirs=yes", "ours=yes", "theirs=yes:PreferNoSchedule", "dedicated=gpu:NoSchedule"]) expect(said).toContain(one);
  });
});
