import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createKubeconfigFile } from "#adapters/cluster/kubeconfig-file.ts";
import { createKubernetesCluster } from "#adapters/cluster/kubernetes/mod.ts";
import { systemClock } from "#events";
import { createRack } from "./rack.ts";

const tokenOf = (kubeconfig: string) => /token: (\S+)/.exec(kubeconfig)?.[1] ?? "";

function clusterWith(text: string, context?: string) {
  return createKubernetesCluster({
    kubeconfig: { text, ...(context ? { context } : {}) },
    site: "lab",
    nodeOf: (machine) => machine,
    machineOf: (node) => node,
    clock: systemClock,
  });
}

describe("credentials", () => {
  test("an exec plugin is run for them", async () => {
    const { cluster } = await createRack({
      kubeconfig: (text) => {
        const credential = { kind: "ExecCredential", apiVersion: "client.authentication.k8s.io/v1", status: { token: tokenOf(text) } };
        const exec = {
          apiVersion: "client.authentication.k8s.io/v1",
          command: process.execPath,
          args: ["-e", `console.log(${JSON.stringify(JSON.stringify(credential))})`],
          interactiveMode: "Never",
        };
        return text.replace(/token: \S+/, `exec: ${JSON.stringify(exec)}`);
      },
    });
    expect((await cluster.node("m1"))?.name).toBe("w1");
  });

  test("wrong ones are refused, named as such and not shown", async () => {
    const { cluster } = await createRack({ kubeconfig: (text) => text.replace(/token: \S+/, "token: s3cret") });
    const error = await cluster.node("m1").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "LO_CLUSTER_REFUSED", effect: "none", hint: expect.stringContaining("renew the kubeconfig") });
    expect(String(error)).not.toContain("s3cret");
  });

  test("many requests at once share connections, and many in a row use one", async () => {
    const { cluster, api } = await createRack();
    await Promise.all(Array.from({ length: 10 }, () => cluster.nodes()));
    const before = api.connections();
    for (let round = 0; round < 10; round += 1) await cluster.node("m1");
    expect(api.connections()).toBe(before);
  });
});

describe("a server that is not the right one", () => {
  test("of another CA is not trusted and nothing is sent to it", async () => {
    const other = await createRack({ machines: 1 });
    const { cluster, api } = await createRack({
      kubeconfig: (text) => text.replace(/server: \S+/, `server: ${other.api.url}`),
    });
    await expect(cluster.node("m1")).rejects.toMatchObject({ code: "LO_CLUSTER_UNREACHABLE", effect: "none" });
    expect([...other.api.requests, ...api.requests]).toEqual([]);
  });

  test("that answers with a page is a protocol error", async () => {
    const server = createServer((_, response) => response.end("<html>log in</html>")).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await new Promise((ready) => server.once("listening", ready));
    const { port } = server.address() as AddressInfo;
    const cluster = clusterWith(kubeconfig(`http://127.0.0.1:${port}`));
    await expect(cluster.node("w1")).rejects.toMatchObject({ code: "LO_CLUSTER_PROTOCOL", message: expect.stringContaining("<html>") });
    await expect(cluster.nodes()).rejects.toMatchObject({ code: "LO_CLUSTER_PROTOCOL" });
    await cluster.close();
  });
});

describe("a silent server", () => {
  test("costs one timeout, and the caller's signal ends the wait at once", async () => {
    const { cluster, api } = await createRack({ timeouts: { request: 20_000 } });
    await api.mode("hang");
    await expect(cluster.attachments("m1")).rejects.toMatchObject({
      code: "LO_CLUSTER_UNREACHABLE",
      effect: "none",
      message: expect.stringContaining("no answer within 20000 ms"),
    });
    await expect(cluster.attachments("m1", AbortSignal.abort(new Error("stopped")))).rejects.toMatchObject({
      message: expect.stringContaining("stopped"),
    });
  });
});

describe("a kubeconfig that cannot be used is refused when the cluster is made", () => {
  test.each([
    ["garbage", "}{: token: s3cret", undefined, "cannot be read"],
    ["a list", "[]", undefined, "names no cluster"],
    ["an unknown context", kubeconfig("https://kube"), "prod", "has no context prod"],
    ["a context without cluster", kubeconfig("https://kube").replace("cluster: lab", "cluster: gone"), undefined, "names no cluster"],
  ])("%s", (_, text, context, why) => {
    let error: unknown;
    try {
      clusterWith(text, context);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: "LO_CONFIG", message: expect.stringContaining(why) });
    expect(String(error)).not.toContain("s3cret");
  });

  test("a file that is there and holds none", async () => {
    const file = join(await temporaryFolder(), "kubeconfig");
    await writeFile(file, "nothing of the kind");
    expect(() => clusterFrom(file)).toThrow(/kubeconfig: /);
  });
});

describe("a kubeconfig that changes", () => {
  test("is waited for where there is none yet, as before a cluster is made, and read when it is there", async () => {
    const { api } = await createRack();
    const file = join(await temporaryFolder(), "kubeconfig");
    const cluster = clusterFrom(file);
    await expect(cluster.node("w1")).rejects.toMatchObject({
      code: "LO_CLUSTER_UNREACHABLE",
      effect: "none",
      message: expect.stringContaining(`there is no ${file} yet`),
    });
    await createKubeconfigFile(file).keep(api.kubeconfig);
    expect((await cluster.node("w1"))?.name).toBe("w1");
  });

  test("is read again; while what is there now cannot be used, the last good one stays", async () => {
    const [{ api: first }, { api: second }] = [await createRack({ machines: 1 }), await createRack({ machines: 3 })];
    const file = join(await temporaryFolder(), "kubeconfig");
    const kept = createKubeconfigFile(file);
    await kept.keep(first.kubeconfig);
    const cluster = clusterFrom(file);
    expect(await cluster.nodes()).toHaveLength(1);
    await kept.keep("nothing of the kind");
    expect(await cluster.nodes()).toHaveLength(1);
    await kept.keep(second.kubeconfig);
    expect(await cluster.nodes()).toHaveLength(3);
  });
});

function clusterFrom(file: string) {
  const same = (name: string) => name;
  const cluster = createKubernetesCluster({ kubeconfig: { file }, site: "lab", nodeOf: same, machineOf: same, clock: systemClock });
  onTestFinished(() => cluster.close());
  return cluster;
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lightsout-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function kubeconfig(server: string): string {
  return `{current-context: lab, clusters: [{name: lab, cluster: {server: "${server}", insecure-skip-tls-verify: true}}],
  contexts: [{name: lab, context: {cluster: lab, user: me}}], users: [{name: me, user: {token: t}}]}`;
}
