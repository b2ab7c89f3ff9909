import { X509Certificate } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { createKubernetesCluster } from "#adapters/cluster/kubernetes/mod.ts";
import { systemClock } from "#events";
import { configFor, createSite } from "./boot-site.ts";
import type { RackMachine } from "./rack.ts";

const poll = { timeout: 40_000, interval: 50 };
const names = ["cp-01", "cp-02", "cp-03", "w1"];
const four = (state: NonNullable<RackMachine["state"]>): RackMachine[] =>
  names.map((name) => ({ name, bmc: "none", model: "Box1", bootMs: 8000, state, ...(name === "w1" ? {} : { role: "control-plane" }) }));

type Site = Awaited<ReturnType<typeof createSite>>;

/** Our own client of the cluster, with the kubeconfig that a control plane gives out. */
async function clusterOf(site: Site, machine = "cp-01") {
  const kubeconfig = { text: await site.talos(machine).kubeconfig() };
  const same = (name: string) => name;
  const cluster = createKubernetesCluster({ kubeconfig, site: "lab", nodeOf: same, machineOf: same, clock: systemClock });
  onTestFinished(() => cluster.close());
  return cluster;
}

const collect = async (stream: AsyncIterable<Uint8Array>) => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};

test("a cluster from nothing, by hand: machines that are off, etcd started once, a network, certificates, a worker", async () => {
  const site: Site = await createSite(four("blank"), {
    config: (machine) => configFor(site.rack, machine, { role: machine === "w1" ? "worker" : "control-plane" }),
  });
  const { rack } = site;
  for (const name of names) {
    await site.arm(name);
    rack.host(name).press("on", "finger");
  }
  // Control planes wait in booting until etcd is started somewhere.
  for (const name of names.slice(0, 3)) {
    await expect.poll(() => rack.talos(name).os.storage.writes, poll).toEqual(["install v1.13.9 on nvme0n1"]);
    await expect
      .poll(
        async () =>
          (
            await site
              .talos(name)
              .status()
              .catch(() => undefined)
          )?.stage,
        poll,
      )
      .toBe("booting");
    expect(await site.talos(name).etcd.running()).toBe(false);
  }
  await expect(fetch(rack.kube.url)).rejects.toThrow();
  expect(await site.talos("cp-02").bootstrap(site.permit("cp-02", "bootstrap"))).toMatchObject({ did: "sent" });
  expect(await site.talos("cp-02").bootstrap(site.permit("cp-02", "bootstrap"))).toMatchObject({ did: "already" });
  await expect
    .poll(
      async () =>
        (
          await site
            .talos("cp-01")
            .etcd.members()
            .catch(() => [])
        ).filter(({ learner }) => !learner).length,
      poll,
    )
    .toBe(3);
  expect(rack.etcd.log).toEqual(["join cp-02", expect.stringMatching(/^join cp-0[13]$/), expect.stringMatching(/^join cp-0[13]$/)]);

  const cluster = await clusterOf(site);
  await expect.poll(async () => (await cluster.nodes()).map(({ ready }) => ready), poll).toEqual(["false", "false", "false", "false"]);
  const network = { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "cilium", namespace: "kube-system" }, spec: {} };
  await cluster.apply(JSON.stringify(network));
  await expect.poll(async () => (await cluster.nodes()).map(({ ready }) => ready), poll).toEqual(["true", "true", "true", "true"]);
  for (const name of names) {
    await expect.poll(() => rack.talos(name).os.ready(), poll).toBe(true);
    const node = await cluster.node(name);
    expect(node).toMatchObject({ osImage: "Talos (v1.13.9)", kubeletVersion: "v1.36.3", controlPlane: name !== "w1" });
  }

  const [request] = (await cluster.servingRequests()).filter(({ username }) => username === "system:node:w1");
  expect(request?.csr).toMatchObject({ dnsNames: ["w1"], addresses: (await site.talos("w1").node())?.addresses });
  if (!request) throw new Error("there is no request");
  expect(await cluster.approveServing(request, site.permit("w1", "approve-serving"))).toBe("approved");
  await expect.poll(() => rack.talos("w1").os.storage.certified, poll).toBe(true);
  const kept = rack.kube.object("certificatesigningrequests", request.name) as { status?: { certificate?: string } };
  const certificate = new X509Certificate(Buffer.from(kept.status?.certificate ?? "", "base64"));
  expect(certificate.verify(new X509Certificate(rack.kube.kubeletCa).publicKey)).toBe(true);
  expect(certificate.subjectAltName).toBe("DNS:w1, IP Address:10.0.0.14");
  expect(certificate.subject).toBe("O=system:nodes\nCN=system:node:w1");
});

const installer = (version: string) => `factory.talos.dev/metal-installer/${"c".repeat(64)}:${version}`;

async function upgraded(site: Site, machine: string, version: string, mode: "default" | "power-cycle") {
  const talos = site.talos(machine);
  await talos.upgrade(site.permit(machine, "upgrade"), await talos.pullImage(installer(version)));
  await talos.reboot(site.permit(machine, "os-reboot"), mode);
  const { os } = site.rack.talos(machine);
  const seen = os.boots.length;
  await expect.poll(() => os.boots.length, poll).toBeGreaterThan(seen);
  await expect.poll(() => os.stage() === "running" && os.ready(), poll).toBe(true);
  await expect.poll(() => site.rack.kube.node(machine).status.nodeInfo.bootID, poll).toBe(site.rack.host(machine).bootId());
  return site.rack.kube.node(machine).status.nodeInfo.osImage;
}

test("an upgraded machine's Node shows the new version, also through the firmware, and the old one after a rollback", async () => {
  const site = await createSite([{ name: "w1", bmc: "none", model: "Box1", bootMs: 4000, gpus: 2, nvidia: ["c".repeat(64)] }]);
  const { os } = site.rack.talos("w1");
  const gpus = () => site.rack.kube.node("w1").status.allocatable["nvidia.com/gpu"];
  // What it is installed with is without NVIDIA's drivers.
  expect(gpus()).toBeUndefined();
  expect(await upgraded(site, "w1", "v1.13.10", "power-cycle")).toBe("Talos (v1.13.10)");
  expect(os.boots.at(-1)).toEqual({ how: "firmware", version: "v1.13.10" });
  await expect.poll(gpus, poll).toBe("2");

  os.faults.badVersions.set("v1.13.11", "crashes");
  expect(await upgraded(site, "w1", "v1.13.11", "default")).toBe("Talos (v1.13.10)");
  expect(os.boots.slice(-2).map(({ version }) => version)).toEqual(["v1.13.11", "v1.13.10"]);
  expect(await site.talos("w1").upgradePending()).toBe(false);
});

test("the API lives as long as etcd has a majority and a control plane runs, and Nodes are not lost because it was away", async () => {
  const site = await createSite(four("installed"));
  const { rack } = site;
  const cluster = await clusterOf(site);
  const since = rack.kube.node("w1").status.conditions[0]?.lastTransitionTime;
  const answers = () =>
    cluster.nodes().then(
      (nodes) => nodes.filter(({ ready }) => ready === "true").length,
      (error: Error) => error.message,
    );
  await expect.poll(answers, poll).toBe(4);
  rack.host("cp-02").press("force-off", "finger");
  await expect.poll(() => rack.host("cp-02").power(), poll).toBe("off");
  expect(await answers()).toBe(4);
  rack.host("cp-03").press("force-off", "finger");
  await expect.poll(answers, poll).toContain("etcdserver: request timed out");
  expect(rack.talos("cp-01").os.ready()).toBe(false);
  rack.host("cp-01").press("force-off", "finger");
  await expect.poll(() => rack.host("cp-01").power(), poll).toBe("off");
  await expect(fetch(rack.kube.url)).rejects.toThrow();
  await rack.clock.sleep(60_000);
  for (const name of names.slice(0, 3)) rack.host(name).press("on", "finger");
  await expect.poll(answers, poll).toBe(4);
  expect(rack.kube.node("w1").status.conditions[0]?.lastTransitionTime).toBe(since);
});

test("a rack that was off comes up as its machines do; a Node is Unknown for as long as its machine is off", async () => {
  const site = await createSite(four("off"));
  const { rack } = site;
  await expect(fetch(rack.kube.url)).rejects.toThrow();
  for (const name of names.slice(0, 3)) rack.host(name).press("on", "finger");
  const readyOf = (name: string) => rack.kube.node(name).status.conditions.find(({ type }) => type === "Ready")?.status;
  await expect.poll(() => rack.talos("cp-01").os.ready(), poll).toBe(true);
  await expect.poll(() => readyOf("w1"), poll).toBe("Unknown");
  rack.host("w1").press("on", "finger");
  await expect.poll(() => readyOf("w1"), poll).toBe("True");
  expect(rack.kube.node("w1").status.nodeInfo.systemUUID).toBe(rack.host("w1").identity.uuid);
});

test("a control plane whose disk was wiped joins again once its old member is gone", async () => {
  const site: Site = await createSite(four("installed"), {
    config: (machine) => configFor(site.rack, machine, { role: "control-plane" }),
  });
  const { rack } = site;
  const host = rack.host("cp-03");
  await site.arm("cp-03", { wipe: true });
  host.bootOrder = "network";
  host.press("cycle", "finger");
  const { os } = rack.talos("cp-03");
  await expect.poll(() => os.storage.writes, poll).toEqual(["wipe nvme0n1", "install v1.13.9 on nvme0n1"]);
  await expect.poll(() => os.stage(), poll).toBe("booting");
  await rack.clock.sleep(30_000);
  expect([os.stage(), await site.talos("cp-03").etcd.running()]).toEqual(["booting", false]);
  const dead = (await site.talos("cp-01").etcd.members()).find(({ name }) => name === "cp-03");
  const member = { machine: "cp-03", name: "cp-03", id: dead?.id ?? "" };
  await site.talos("cp-01").etcd.removeMember(site.permit("cp-03", "etcd-remove-member"), member);
  await expect.poll(() => os.stage(), poll).toBe("running");
  expect(rack.etcd.log).toEqual(["join cp-01", "join cp-02", "join cp-03", "remove cp-03", "join cp-03"]);
});

test("what a snapshot holds is there again after everything was lost; a damaged one is refused", async () => {
  const site: Site = await createSite(four("installed"), {
    config: (machine) => configFor(site.rack, machine, { role: "control-plane" }),
  });
  const { rack } = site;
  const [first = ""] = names;
  rack.kube.put("configmaps", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "precious", namespace: "default" } });
  const snapshot = await collect(site.talos(first).etcd.snapshot());
  for (const name of names.slice(0, 3)) {
    await site.arm(name, { wipe: true });
    rack.host(name).boot = { target: "pxe", once: true, mode: "UEFI" };
    rack.host(name).press("cycle", "finger");
  }
  for (const name of names.slice(0, 3)) await expect.poll(() => rack.talos(name).os.storage.writes.length, poll).toBe(2);
  await expect.poll(() => rack.talos(first).os.servicesRun(), poll).toBe(true);
  const { etcd } = site.talos(first);
  async function* of(bytes: Buffer) {
    yield bytes;
  }
  await etcd.upload(of(Buffer.concat([Buffer.from([1]), snapshot.subarray(1)])));
  await expect(site.talos(first).bootstrap(site.permit(first, "bootstrap"), { recover: true })).rejects.toThrow("integrity check failed");
  await etcd.upload(of(snapshot));
  await site.talos(first).bootstrap(site.permit(first, "bootstrap"), { recover: true });
  await expect.poll(() => rack.talos(first).os.stage(), poll).toBe("running");
  expect(rack.kube.object("configmaps", "precious", "default")).toMatchObject({ metadata: { name: "precious" } });
  await expect.poll(() => rack.etcd.members.filter(({ learner }) => !learner).length, poll).toBe(3);
  expect(rack.etcd.log.slice(3, 5)).toEqual([`restore ${first}`, `join ${first}`]);
});
