import type { Entry, RunSummary } from "#events";
import type { WorkerProcess } from "#test/e2e/outside.ts";
import type { Host } from "#test/lab/host.ts";

/** What chaos has done, and what became of it. */
export interface Figures {
  readonly rounds: number;
  readonly events: number;
  /** Events that were accepted and have no run. */
  readonly lost: number;
  /** Switchings of a machine that no act of a run stands for, and acts of a run that were carried out twice. */
  readonly doubled: number;
  /** Runs that stopped to ask a person what had happened, at any time. */
  readonly parked: number;
  /** Runs that neither ended nor ask, when everything had been mended and had its time. */
  readonly stuck: number;
}

const switching: Readonly<Record<string, "off" | "on">> = { "force-off": "off", "power-off": "off", "power-on": "on" };

/** Reads every run of every machine, and counts what the machines say beside it. */
export async function judge(
  worker: WorkerProcess,
  hosts: ReadonlyMap<string, Host>,
  asked: { rounds: number; runs: ReadonlySet<string>; events: number },
): Promise<Figures> {
  const summaries: RunSummary[] = [];
  for (const name of hosts.keys()) {
    summaries.push(...(await worker.call<{ runs: RunSummary[] }>("GET", `/v1/runs?machine=${name}&limit=1000`)).runs);
  }
  const runs: Told[] = [];
  for (const { run, key, status } of summaries) {
    const { journal } = await worker.call<{ journal: Entry[] }>("GET", `/v1/runs/${run}`);
    runs.push({ run, key, status, journal });
  }
  return account(runs, hosts, asked);
}

/** A run as it stands, when everything had been mended and had its time. */
export interface Told extends Pick<RunSummary, "run" | "key" | "status"> {
  readonly journal: readonly Entry[];
}

/** What the runs say beside what the machines say. */
export function account(
  runs: readonly Told[],
  hosts: ReadonlyMap<string, Host>,
  asked: { rounds: number; runs: ReadonlySet<string>; events: number },
): Figures {
  const known = new Set(runs.map(({ run }) => run));
  const acts = new Map<string, number>();
  for (const { journal, key } of runs) {
    for (const [way, count] of actsOf(journal)) acts.set(`${key} ${way}`, (acts.get(`${key} ${way}`) ?? 0) + count);
  }
  const more = [...hosts].flatMap(([name, { count }]) =>
    (["off", "on"] as const).map((way) => Math.max(0, count[way] - (acts.get(`${name} ${way}`) ?? 0))),
  );
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  return {
    rounds: asked.rounds,
    events: asked.events,
    lost: [...asked.runs].filter((run) => !known.has(run)).length,
    doubled: sum(more) + sum(runs.map(({ journal }) => doneTwice(journal))),
    parked: runs.filter(({ journal }) => journal.some((entry) => entry.is === "parked")).length,
    stuck: runs.filter(({ status }) => status !== "finished" && status !== "parked" && status !== "asking").length,
  };
}

/** How often the run may have switched its machine: an intent stands for one switching, unless it was seen not to have happened. */
function actsOf(journal: readonly Entry[]): Map<"off" | "on", number> {
  const counts = new Map<"off" | "on", number>();
  for (const entry of journal) {
    const way = entry.is === "intent" ? switching[entry.verb] : undefined;
    if (entry.is !== "intent" || way === undefined) continue;
    const { step, attempt } = entry;
    const outcome = journal.find((item) => item.is === "outcome" && item.step === step && item.attempt === attempt);
    if (outcome?.is === "outcome" && outcome.result === "not-done") continue;
    counts.set(way, (counts.get(way) ?? 0) + 1);
  }
  return counts;
}

/** Steps of a run whose act was carried out more than once. */
function doneTwice(journal: readonly Entry[]): number {
  const done = new Map<string, number>();
  for (const entry of journal) {
    if (entry.is === "outcome" && entry.result === "done") done.set(entry.step, (done.get(entry.step) ?? 0) + 1);
  }
  return [...done.values()].filter((count) => count > 1).length;
}
