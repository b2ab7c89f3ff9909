import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TestContext } from "vitest";
import { type Entry, type RunSummary, scaledClock } from "#events";
import { createRack, type Rack, type RackMachine } from "#test/lab/rack.ts";
import { scale, smallRack, type Written, written } from "./lab.ts";
import type { Outside } from "./worker.ts";

const script = fileURLToPath(new URL("./worker.ts", import.meta.url));

/** A worker in a process of its own. */
export interface WorkerProcess {
  /** Everything it wrote. */
  readonly said: readonly string[];
  readonly url: string;
  readonly alive: () => boolean;
  call<Answer>(method: string, path: string, body?: unknown): Promise<Answer>;
  /** SIGUSR2 sets its wall clock. */
  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM" | "SIGUSR2"): Promise<void>;
}

/** A rack in this process and workers outside of it, on one store. */
export interface Site {
  readonly rack: Rack;
  /** Where its configuration and its file store are. */
  readonly folder: string;
  /** @param aheadMs how far its wall clock is ahead of the others', in the lab's time; default 0 */
  start(aheadMs?: number): Promise<WorkerProcess>;
  /** Asks until it answers something; gives up after three minutes. */
  until<Answer>(what: string, look: () => Promise<Answer | undefined | false> | Answer | undefined | false): Promise<Answer>;
  /** The only run of a function on the GPU machine, as this worker tells it. */
  run(worker: WorkerProcess, functionId?: string): Promise<{ summary: RunSummary; journal: Entry[] } | undefined>;
}

/**
 * @param store a NATS URL or what stands in `store`; nothing for a file
 * @param env for the workers, besides the BMC password
 * @param token what `call` sends
 */
export async function createSite(
  test: Pick<TestContext, "onTestFinished">,
  options: {
    store?: string;
    machines?: RackMachine[];
    change?: (config: Written, rack: Rack, folder: string) => void;
    env?: Readonly<Record<string, string>>;
    token?: string;
  } = {},
): Promise<Site> {
  const { store, machines = smallRack("dell"), change, token } = options;
  const folder = mkdtempSync(join(tmpdir(), "lightsout-outside-"));
  const rack = await createRack({ machines, scale, lostAfterMs: 25_000, clock: scaledClock(scale) });
  const children = new Set<ChildProcess>();
  test.onTestFinished(async () => {
    for (const child of children) child.kill("SIGKILL");
    await rack.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const file = join(folder, "lightsout.yaml");
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, rack.kube.kubeconfig);
  writeFileSync(
    file,
    written(rack, store ?? `{ embedded: { path: ${join(folder, "lab.db")} } }`, (config) => {
      Object.assign(config, { cluster: { kubeconfig } });
      change?.(config, rack, folder);
    }),
  );
  const outside: Outside = {
    scale,
    labNow: rack.clock.now(),
    wallNow: Date.now(),
    osAddress: Object.fromEntries(
      [...rack.hosts.keys()].flatMap((name) => {
        const address = rack.osAddress(name);
        return address ? [[name, address] as const] : [];
      }),
    ),
  };

  const until: Site["until"] = async (what, look) => {
    const end = performance.now() + 180_000;
    for (;;) {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      if (performance.now() > end) throw new Error(`never came: ${what}`);
      await rack.clock.sleep(500);
    }
  };

  return {
    rack,
    folder,
    until,
    async start(aheadMs = 0) {
      const own: Outside = { ...outside, labNow: outside.labNow + aheadMs };
      const env = { ...process.env, ...rack.env, ...options.env, LAB: JSON.stringify(own) };
      const child = spawn(process.execPath, [script, file], { stdio: ["ignore", "pipe", "pipe"], env });
      children.add(child);
      const said: string[] = [];
      createInterface({ input: child.stdout }).on("line", (line) => said.push(line));
      createInterface({ input: child.stderr }).on("line", (line) => said.push(line));
      const alive = () => child.exitCode === null && child.signalCode === null;
      const url = await until("a worker that listens", () => {
        if (!alive()) throw new Error(`the worker ended:\n${said.join("\n")}`);
        return said.find((line) => line.startsWith("ready "))?.slice("ready ".length);
      });
      return {
        said,
        url,
        alive,
        async call(method, path, body) {
          const answer = await fetch(`${url}${path}`, {
            method,
            headers: { "content-type": "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          });
          if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
          return (await answer.json()) as never;
        },
        async signal(signal) {
          const gone = once(child, "exit");
          child.kill(signal);
          if (signal === "SIGKILL" || signal === "SIGTERM") await gone;
        },
      };
    },
    async run(worker, functionId = "node-lost") {
      const { runs } = await worker.call<{ runs: RunSummary[] }>("GET", `/v1/runs?machine=gpu&function=${functionId}`);
      if (runs.length > 1) throw new Error(`${runs.length} runs of ${functionId}: ${JSON.stringify(runs)}`);
      return runs[0] && worker.call("GET", `/v1/runs/${runs[0].run}`);
    },
  };
}
