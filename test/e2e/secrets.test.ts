import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { describe, expect, test } from "vitest";
import { createKubernetesCluster } from "#adapters/cluster/kubernetes/mod.ts";
import { createApp } from "#adapters/http/mod.ts";
import type { Desk } from "#adapters/http/port.ts";
import { parseConfig } from "#config/load.ts";
import { openStore } from "#config/stores.ts";
import { explain, systemClock } from "#events";
import type { RackMachine } from "#test/lab/rack.ts";
import type { RedfishBmc } from "#test/lab/redfish-bmc.ts";
import { startNatsServer } from "#test/peers/nats-server.ts";
import { peer } from "#test/peers/peer.ts";
import { smallRack } from "./lab.ts";
import { createSite, type Site, type WorkerProcess } from "./outside.ts";

const distinct = (what: string) => `${what}-${randomBytes(9).toString("hex")}`;

/** A secret as it is, and as protocols and dumps spell it. */
const spellings = (secret: string) => [
  secret,
  Buffer.from(secret).toString("base64").replaceAll("=", ""),
  Buffer.from(secret).toString("hex"),
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
];

/** Which secrets a text holds, by name: the failure must not print them either. */
function leaks(secrets: Readonly<Record<string, string>>, where: string, text: string): string[] {
  return Object.entries(secrets).flatMap(([name, secret]) =>
    spellings(secret).some((spelling) => text.includes(spelling)) ? [`${name} in ${where}`] : [],
  );
}

const ways = createApp({} as Desk, { tokens: [] }).ways;

/** Asks every route, once as it should be and once with rubbish, and answers all that came back. */
async function everyAnswer(worker: WorkerProcess, run: string, token: string): Promise<string> {
  const bodies: Record<string, unknown> = {
    "/v1/events": { type: "power-cycle", data: { machine: "nobody" } },
    "/v1/machines/:name/power": { action: "on" },
    "/v1/trust": { scope: "machine", name: "gpu", trust: "ask" },
    "/v1/holds": { scope: "machine", name: "gpu", reason: "a test" },
    "/v1/freeze": { reason: "a test" },
  };
  const answers: string[] = [];
  for (const { method, path } of ways) {
    const target = path
      .replace(":name", "gpu")
      .replace(":id", run)
      .replace(":seq", "1")
      .replace(":scope", "machine")
      .replace(/:\w+/g, "gpu");
    for (const body of method === "GET" ? [undefined] : [bodies[path] ?? {}, { password: "x", rubbish: [1] }]) {
      for (const authorization of [`Bearer ${token}`, `Bearer wrong-${token}`]) {
        const answer = await fetch(`${worker.url}${target}`, {
          method,
          headers: { authorization, "content-type": "application/json" },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        answers.push(`${method} ${path} ${JSON.stringify([...answer.headers])} ${await answer.text()}`);
      }
    }
  }
  return answers.join("\n");
}

/** All bytes of every stream, key-value buckets among them. */
async function everyStream(servers: string, token: string): Promise<string> {
  const connection = await connect({ servers, token });
  const manager = await jetstreamManager(connection);
  const kept: string[] = [];
  for await (const { config, state } of manager.streams.list()) {
    for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq += 1) {
      const message = await manager.streams.getMessage(config.name, { seq });
      if (message) kept.push(`${message.subject} ${JSON.stringify([...message.header])} ${new TextDecoder("latin1").decode(message.data)}`);
    }
  }
  await connection.close();
  return kept.join("\n");
}

const everyFile = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.startsWith("lab.db"))
    .map((name) => readFileSync(join(folder, name), "latin1"))
    .join("\n");

/** A recovery, a wrong password, a BMC that does not answer; what everybody could read of it afterwards. */
async function misadventures(site: Site, worker: WorkerProcess, token: string): Promise<string> {
  await site.rack.clock.sleep(30_000);
  site.rack.host("silent").faults.bmcDead = true;
  site.rack.host("gpu").faults.hang = true;
  await worker.call("POST", "/v1/machines/wrong/power", { action: "off", hard: true });
  await worker.call("POST", "/v1/machines/silent/power", { action: "off", hard: true });
  const run = await site.until("the end of the recovery", async () => {
    const found = await site.run(worker);
    return found?.summary.status === "finished" && found;
  });
  expect(run.summary.reason).toBe("ok");
  return everyAnswer(worker, run.summary.run, token);
}

const machines: RackMachine[] = [
  ...smallRack("dell"),
  { name: "wrong", bmc: "hpe", model: "Box3" },
  { name: "silent", bmc: "ipmi", model: "Box4" },
];

describe.concurrent("no secret is ever written down", { timeout: 300_000 }, () => {
  for (const kind of ["embedded", "nats"] as const) {
    test.skipIf(kind === "nats" && !peer("nats-server"))(`on the ${kind} store: logs, store, HTTP`, async (context) => {
      const apiToken = distinct("api-token");
      const natsToken = distinct("nats-token");
      const wrongPassword = distinct("wrong-password");
      const nats =
        kind === "nats" ? await startNatsServer(peer("nats-server") ?? "", `authorization { token: "${natsToken}" }`) : undefined;
      context.onTestFinished(() => nats?.close());
      const site = await createSite(context, {
        machines,
        token: apiToken,
        env: { WRONG_PASSWORD: wrongPassword, NATS_TOKEN: natsToken },
        ...(nats ? { store: `{ nats: { servers: "nats://${nats.url}", auth: { token: "\${env:NATS_TOKEN}" } } }` } : {}),
        change(config) {
          const sha256 = createHash("sha256").update(apiToken).digest("hex");
          config.http = { listen: "127.0.0.1:0", tokens: [{ name: "tester", role: "admin", sha256 }] };
          Object.assign(config.machines.find(({ name }) => name === "wrong")?.bmc ?? {}, { password: `\${env:WRONG_PASSWORD}` });
        },
      });
      const worker = await site.start();
      const answers = await misadventures(site, worker, apiToken);
      await worker.signal("SIGTERM");

      const kubeToken = /token: (\S+)/.exec(site.rack.kube.kubeconfig)?.[1] ?? "";
      const bmc = site.rack.bmcs.get("gpu") as RedfishBmc;
      const session = String(bmc.requests.findLast(({ headers }) => headers["x-auth-token"])?.headers["x-auth-token"] ?? "");
      const secrets = { bmcPassword: site.rack.env.LAB_BMC_PASSWORD ?? "", session, kubeToken, apiToken, natsToken, wrongPassword };
      const stored = nats ? await everyStream(nats.url, natsToken) : everyFile(site.folder);
      // What is looked through holds what it should hold.
      context.expect(worker.said.join("\n")).toContain("rejected the login");
      context.expect(worker.said.some((line) => line.startsWith("{"))).toBe(true);
      context.expect(stored).toContain("node-lost");
      context.expect(answers).toContain('"machine":"gpu"');
      for (const [name, secret] of Object.entries(secrets)) {
        context.expect(secret.length).toBeGreaterThan(10);
        context.expect(leaks(secrets, "this", `…${Buffer.from(secret).toString("base64")}…`)).toEqual([`${name} in this`]);
      }
      context
        .expect([
          ...leaks(secrets, "the logs", worker.said.join("\n")),
          ...leaks(secrets, "the store", stored),
          ...leaks(secrets, "an HTTP answer", answers),
        ])
        .toEqual([]);
    });
  }

  test("nor in the error for a configuration, a kubeconfig or a server that is wrong", async (context) => {
    const secrets = {
      written: distinct("written-in-the-file"),
      kube: distinct("kube-token"),
      nats: distinct("nats-token"),
      url: distinct("url"),
    };
    const thrown: string[] = [];
    const attempt = async (work: () => unknown) => {
      try {
        await work();
      } catch (error) {
        thrown.push(explain(error), String(error), (error as Error).stack ?? "", JSON.stringify(error));
      }
    };
    const config = (text: string) => parseConfig(text, { file: "lightsout.yaml", folder: "/nonexistent", env: { NATS: secrets.nats } });
    await attempt(() => config(`machines:\n  - name: a\n    bmc: { address: 10.0.0.1, user: u, password: ${secrets.written} }\n`));
    await attempt(() => config(`machines:\n  - name: a\n    bmc: { address: "http://u:${secrets.url}@10.0.0.1" }\n`));
    await attempt(() => config(`store: "nats://u:${secrets.url}@10.0.0.1:4222"\n`));
    await attempt(() => config(`password: [${secrets.written}\n`));
    await attempt(() => config(`store: { nats: { servers: "nats://127.0.0.1:9", auth: { token: ${secrets.written} } } }\n`));
    context.expect(thrown).toHaveLength(20);
    for (const text of [
      `users: [{ user: { token: ${secrets.kube}`,
      `kind: Config\nusers:\n  - name: a\n    user: { token: ${secrets.kube} }\n`,
    ]) {
      await attempt(() =>
        createKubernetesCluster({
          kubeconfig: { text },
          site: "lab",
          nodeOf: (name) => name,
          machineOf: (name) => name,
          clock: systemClock,
        }).nodes(),
      );
    }
    const { store } = config(`store: { nats: { servers: "nats://127.0.0.1:9", auth: { token: "\${env:NATS}" } } }\n`);
    await attempt(() => openStore(store, "lab", systemClock));
    context.expect(thrown).toHaveLength(32);
    context.expect(leaks(secrets, "an error", thrown.join("\n"))).toEqual([]);
  });
});
