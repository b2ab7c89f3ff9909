import type { DemoAsked } from "#adapters/cli/mod.ts";
import { humanDuration, type RuntimeLog } from "#events";
import { followed } from "./demo-follow.ts";
import { blank, type StoryResult, tell } from "./demo-stories.ts";
import { type Lab, startLab } from "./lab.ts";

/** What the demo proves, in numbers. Milliseconds are the lab's. */
export interface DemoResult {
  readonly ok: boolean;
  readonly machine: string;
  readonly function: string;
  readonly status: string;
  readonly powerActions: { readonly off: number; readonly on: number };
  readonly proof: { readonly bootIdChanged: boolean; readonly ready: boolean; readonly gpus: readonly string[] };
  /** What the simulated machine itself needed: going off and booting until it served. */
  readonly hardwareMs: number;
  /** What Lightsout added between the first act and the end, beyond the hardware's own time. */
  readonly wasteMs: number;
}

const machine = "gpu-02";

/** Lets a GPU worker hang and follows its recovery to the end. */
export async function recoverOne(lab: Lab, say: (line: string) => void): Promise<DemoResult> {
  const { rack, lightsout } = lab;
  const host = rack.host(machine);
  const before = { bootId: host.bootId(), off: host.count.off, on: host.count.on, busy: host.busyMs() };
  say(`${machine} hangs now: its kernel is dead, its power is on`);
  host.faults.hang = true;
  const recovery = async () =>
    (await lightsout.worker.runs.all()).find((summary) => summary.function === "node-lost" && summary.key === machine);
  const journal = await followed(lab, recovery, { withinMs: 3_600_000 });
  const node = rack.kube.node(machine);
  const last = journal.at(-1);
  const gpus = Number(node.status?.allocatable?.["nvidia.com/gpu"] ?? 0);
  const proof = {
    bootIdChanged: host.bootId() !== before.bootId && node.status?.nodeInfo?.bootID === host.bootId(),
    ready: node.status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") ?? false,
    gpus: Array.from({ length: gpus }, (_, index) => `${machine}/gpu-${index}`),
  };
  const powerActions = { off: host.count.off - before.off, on: host.count.on - before.on };
  const hardwareMs = Math.round(host.busyMs() - before.busy);
  const acted = journal.find((entry) => entry.is === "intent");
  const wasteMs = Math.max(0, Math.round((last?.at ?? 0) - (acted?.at ?? 0) - hardwareMs));
  const status = last?.is === "finished" ? last.status : "unfinished";
  const whole = proof.bootIdChanged && proof.ready && gpus === host.gpus && !node.spec?.unschedulable;
  await lightsout.worker.idle();
  return {
    ok: status === "ok" && whole && powerActions.off === 1 && powerActions.on === 1,
    machine,
    function: "node-lost",
    status,
    powerActions,
    proof,
    hardwareMs,
    wasteMs,
  };
}

/** `lightsout demo`: the lab, one story, the figures. Answers the exit code. */
export async function demo(options: Partial<DemoAsked> & { log: RuntimeLog; out: (line: string) => void }): Promise<number> {
  const { json = false, story, store, log, out } = options;
  const say = (line: string) => {
    if (!json) out(line);
  };
  const lab = await startLab({ log, ...(story === "bootstrap" && { machines: blank }), ...(store === undefined ? {} : { store }) });
  try {
    say("A rack of simulated machines runs; BMCs, Talos, kubelets and the Kubernetes API speak their real protocols on loopback");
    if (story !== "bootstrap") await healthy(lab);
    const result = story ? await tell(story, lab, { say, rollback: options.rollback ?? false }) : await recoverOne(lab, say);
    out(json ? JSON.stringify(result) : "story" in result ? told(result) : recovered(result));
    return result.ok ? 0 : 1;
  } finally {
    await lab.close();
  }
}

const took = ({ hardwareMs, wasteMs }: Pick<DemoResult, "hardwareMs" | "wasteMs">) =>
  `The hardware needed ${humanDuration(hardwareMs)}, Lightsout added ${humanDuration(wasteMs)}`;

function recovered(result: DemoResult): string {
  if (!result.ok) return `${machine} is not back: ${JSON.stringify(result)}`;
  return `${machine} is back: off once, on once, new boot id, Ready, ${result.proof.gpus.length} GPUs. ${took(result)}`;
}

function told(result: StoryResult): string {
  const seen = result.evidence.map(({ machine: name, ready, version }) => `${name} ${version}${ready ? " Ready" : " not Ready"}`);
  return `${result.story}: ${result.outcome}${result.ok ? "" : `: ${result.reason}`}. ${seen.join(", ")}. ${took(result)}`;
}

/** Waits until every node has been seen healthy for a grace: only what was seen healthy and then seen go is recovered. */
export async function healthy({ rack }: Lab): Promise<void> {
  await rack.clock.sleep(45_000);
}
