import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import type { TestContext } from "vitest";
import { parse, stringify } from "yaml";
import { createDocument } from "#adapters/http/openapi/document.ts";
import type { Question } from "#adapters/http/port.ts";
import { routes } from "#adapters/http/routes/mod.ts";
import type { Lightsout } from "#config/compose.ts";
import { parseConfig } from "#config/load.ts";
import type { Config } from "#config/schema.ts";
import { startServing } from "#config/serving.ts";
import { builtinEvents, type Entry, type RunSummary, type RuntimeLog, readJournal } from "#events";
import { createReferee } from "#test/adapters/http/referee.ts";
import type { Host } from "#test/lab/host.ts";
import { createRack, type Rack, type RackMachine } from "#test/lab/rack.ts";

/** Ten times as fast as the wall: the gate's five seconds are then half a second, which workers on a busy machine still keep. */
export const scale = 10;

/** What a lab's `lightsout.yaml` may say besides what the rack says. */
export type Written = {
  [key: string]: unknown;
  machines: ({ name: string; bmc?: Record<string, unknown> } & Record<string, unknown>)[];
};

const referee = createReferee(createDocument(routes, { version: "0.0.0", events: builtinEvents }));

/** A running Lightsout over a rack of its own. */
export interface Scene {
  readonly rack: Rack;
  readonly lightsout: Lightsout;
  readonly folder: string;
  readonly config: Config;
  /** Every line and fact that was logged. */
  readonly told: string[];
  host(name: string): Host;
  /** Calls the HTTP API and answers its JSON, which must be as the OpenAPI document has it. Throws for an error, with the whole answer. */
  call<Answer = unknown>(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Asks until it answers something; throws with all that was told when twenty minutes of the lab have passed. */
  until<Answer>(what: string, look: () => Promise<Answer | undefined | false> | Answer | undefined | false): Promise<Answer>;
  /** The newest run of a function on a machine. */
  run(machine: string, functionId?: string): Promise<{ summary: RunSummary; journal: readonly Entry[] } | undefined>;
  /** Its journal once it has finished or parked, and everybody can see that. */
  ended(machine: string, functionId?: string): Promise<{ summary: RunSummary; journal: readonly Entry[]; last: Entry }>;
  /** The question that a run on the machine asks. */
  question(machine: string): Promise<Question>;
  decide(question: Question, approve: boolean): Promise<unknown>;
  /** Ends Lightsout and starts it anew on the same store and rack. */
  restart(): Promise<void>;
  /** Has it serve another configuration, what was written at first with these parts in it, and answers what that changes. */
  reload(parts: (config: Written) => object, environment?: Record<string, string>): Promise<readonly string[]>;
  sleep(labMs: number): Promise<void>;
  counts(machine: string): { off: number; on: number; reset: number };
  tainted(machine: string): boolean;
  cordoned(machine: string): boolean;
}

/** One machine on a BMC of the given kind, and two that need none: a rack as small as a scene can have. */
export function smallRack(bmc: RackMachine["bmc"], more: Partial<RackMachine> = {}): RackMachine[] {
  return [
    { name: "gpu", bmc, model: "Box1", gpus: 2, bootMs: 15_000, ...more },
    { name: "other-1", bmc: "none", model: "Box2", bootMs: 15_000 },
    { name: "other-2", bmc: "none", model: "Box2", bootMs: 15_000 },
  ];
}

/** The configuration that all scenes share: short patience, so that a scene takes seconds. */
export function written(rack: Rack, store: string, change: (config: Written) => void = () => undefined): string {
  const config = parse(rack.yaml({ store, listen: "127.0.0.1:0" })) as Written;
  Object.assign(config, { patience: "5s", grace: "15s" });
  change(config);
  return stringify(config);
}

/** Starts a scene that ends with its test. Every machine has been seen healthy when it resolves, unless `watch` is false. */
export async function startScene(
  test: Pick<TestContext, "onTestFinished">,
  options: {
    machines?: RackMachine[];
    store?: string;
    scale?: number;
    change?: (config: Written) => void;
    env?: Record<string, string>;
    log?: RuntimeLog;
    watch?: boolean;
  } = {},
): Promise<Scene> {
  const { machines = smallRack("dell"), store, change, env = {}, watch = true } = options;
  const folder = mkdtempSync(join(tmpdir(), "lightsout-e2e-"));
  const rack = await createRack({ machines, scale: options.scale ?? scale, lostAfterMs: 25_000 });
  const told: string[] = [];
  const log: RuntimeLog = {
    fact(name, fact) {
      told.push(`${name.key} ${name.function}: ${JSON.stringify(fact)}`);
      options.log?.fact(name, fact);
    },
    note(level, message, about) {
      told.push(`${level} ${message}`);
      options.log?.note(level, message, about);
    },
  };
  const configured = (parts: (config: Written) => object = () => ({}), more: Record<string, string> = {}): Config => {
    const text = written(rack, store ?? `{ embedded: { path: ${join(folder, "lab.db")} } }`, (all) => {
      change?.(all);
      Object.assign(all, parts(all));
    });
    return parseConfig(text, { file: "lightsout.yaml", folder, env: { ...rack.env, ...env, ...more } });
  };
  const config = configured();
  const open = () => startServing(config, { log, clock: rack.clock, osAddress: rack.osAddress, kubeconfigText: rack.kube.kubeconfig });
  let serving = await open();
  test.onTestFinished(async () => {
    await serving.close();
    await rack.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const scene: Scene = {
    rack,
    folder,
    config,
    told,
    get lightsout() {
      return serving.lightsout;
    },
    host: (name) => rack.host(name),
    async call(method, path, body) {
      const answer = await fetch(`${serving.lightsout.url}${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      const { headers, status } = answer;
      const text = await answer.text();
      const objection = referee.objection(method, path, { status, headers, text });
      if (objection !== undefined) throw new Error(objection);
      const said = JSON.parse(text) as never;
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(said)}`);
      return said;
    },
    async until(what, look) {
      const end = rack.clock.mono() + 20 * 60_000;
      for (;;) {
        const seen = await look();
        if (seen !== undefined && seen !== false) return seen;
        if (rack.clock.mono() > end) throw new Error(`never came: ${what}. It was told:\n${told.join("\n")}`);
        await rack.clock.sleep(500);
      }
    },
    async run(machine, functionId = "node-lost") {
      const { store: log, worker } = serving.lightsout;
      const summary = (await worker.runs.all())
        .filter((one) => one.function === functionId && one.key === machine)
        .toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1))[0];
      return summary && { summary, journal: (await readJournal(log, summary.subject)).entries };
    },
    ended: (machine, functionId = "node-lost") =>
      scene.until(`the end of ${functionId} on ${machine}`, async () => {
        const run = await scene.run(machine, functionId);
        const last = run?.journal.at(-1);
        return run && (last?.is === "finished" || last?.is === "parked") && run.summary.status === last.is ? { ...run, last } : undefined;
      }),
    question: (machine) =>
      scene.until(`a question about ${machine}`, async () => {
        const { questions } = await scene.call<{ questions: Question[] }>("GET", "/v1/questions");
        return questions.find((question) => question.machine === machine);
      }),
    decide: ({ run, step, nonce, digest }, approve) => scene.call("POST", `/v1/runs/${run}/decide`, { step, nonce, digest, approve }),
    async restart() {
      await serving.close();
      serving = await open();
    },
    reload: async (parts, more) => serving.replace(configured(parts, more)),
    sleep: (labMs) => rack.clock.sleep(labMs),
    counts: (machine) => ({ ...rack.host(machine).count }),
    tainted: (machine) => rack.kube.node(machine).spec.taints?.some(({ key }) => key === "node.kubernetes.io/out-of-service") ?? false,
    cordoned: (machine) => rack.kube.node(machine).spec.unschedulable ?? false,
  };
  if (watch) await scene.sleep(28_000);
  return scene;
}

/** What a recovery that went well looks like: of the run, the journal, the machine and the Node. */
export async function recovered(scene: Scene, machine: string) {
  const run = await scene.ended(machine);
  const node = scene.rack.kube.node(machine);
  return {
    end: run.last.is === "finished" ? `${run.last.status}${run.last.reason ? `: ${run.last.reason}` : ""}` : inspect(run.last),
    ...scene.counts(machine),
    ready: node.status.conditions.some(({ type, status }) => type === "Ready" && status === "True"),
    bootIdIsNew: node.status.nodeInfo.bootID === scene.host(machine).bootId(),
    gpus: Number(node.status.allocatable["nvidia.com/gpu"] ?? 0),
    tainted: scene.tainted(machine),
    cordoned: scene.cordoned(machine),
  };
}

/** Off once, on once, and back in service with all its GPUs. */
export const backInService = {
  end: "ok",
  off: 1,
  on: 1,
  reset: 0,
  ready: true,
  bootIdIsNew: true,
  gpus: 2,
  tainted: false,
  cordoned: false,
};

/** Powered not at all. */
export const untouched = { off: 0, on: 0, reset: 0 };
