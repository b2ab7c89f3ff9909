import type { ActVerb, Entry, RunSummary } from "#events";
import type { WorkerProcess } from "#test/e2e/outside.ts";
import { names, type Place } from "./site.ts";

/** What chaos has done, and what became of it. */
export interface Figures {
  readonly rounds: number;
  readonly events: number;
  /** Events that were accepted and have no run. */
  readonly lost: number;
  /** Effects on a machine that no act of a run stands for, and acts of a run that were carried out twice. */
  readonly doubled: number;
  /** Runs that stopped to ask a person what had happened, at any time. */
  readonly parked: number;
  /** Runs that neither ended nor ask when everything had been mended and had its time, or that do not say why. */
  readonly stuck: number;
}

/** What is counted on a machine. */
type Effect = "off" | "on" | "reset" | "reboot" | "upgrade";

const effects: Readonly<Partial<Record<ActVerb, Effect>>> = {
  "force-off": "off",
  "power-off": "off",
  "os-shutdown": "off",
  "power-on": "on",
  reset: "reset",
  "os-reboot": "reboot",
  upgrade: "upgrade",
};

/** A run as it stands, when everything had been mended and had its time. */
export interface Told extends Pick<RunSummary, "run" | "key" | "status" | "reason"> {
  readonly journal: readonly Entry[];
}

/** How often each thing really happened to a machine. */
export type Happened = Readonly<Partial<Record<Effect, number>>>;

interface Asked {
  readonly rounds: number;
  readonly runs: ReadonlySet<string>;
  readonly events: number;
  /** Told a line for everything that is wrong. */
  say(line: string): void;
}

/** Reads every run of every machine, and counts what the machines say beside it. */
export async function judge(worker: WorkerProcess, place: Place, asked: Asked): Promise<Figures> {
  const told: Told[] = [];
  for (const name of names) {
    const { runs } = await worker.call<{ runs: RunSummary[] }>("GET", `/v1/runs?machine=${name}&limit=1000`);
    for (const summary of runs) {
      const { journal } = await worker.call<{ journal: Entry[] }>("GET", `/v1/runs/${summary.run}`);
      told.push({ ...summary, journal });
    }
  }
  return account(told, new Map(names.map((name) => [name, happenedTo(place, name)])), asked);
}

function happenedTo({ site: { rack } }: Place, name: string): Happened {
  const { count, log } = rack.host(name);
  const { effects: asked } = rack.talos(name);
  const how = (word: string) => asked.filter((effect) => effect.startsWith(word)).length;
  const reset = log.filter(({ what, via }) => what === "reset" && via !== "talos").length;
  return { off: count.off, on: count.on, reset, reboot: how("reboot"), upgrade: how("upgrade") };
}

/** What the runs say beside what the machines say. */
export function account(runs: readonly Told[], machines: ReadonlyMap<string, Happened>, asked: Asked): Figures {
  const { rounds, events, say } = asked;
  const known = new Set(runs.map(({ run }) => run));
  const lost = [...asked.runs].filter((run) => !known.has(run));
  for (const run of lost) say(`lost: run ${run} was promised and is not there`);

  let doubled = 0;
  for (const [name, happened] of machines) {
    const meant = runs.filter(({ key }) => key === name).flatMap(({ journal }) => effectsOf(journal));
    for (const [effect, count] of Object.entries(happened)) {
      const extra = count - meant.filter((one) => one === effect).length;
      if (extra <= 0) continue;
      doubled += extra;
      say(`doubled: ${name} saw ${effect} ${count} times, ${extra} more than its runs account for`);
    }
  }
  for (const { run, journal } of runs) {
    for (const step of doneTwice(journal)) {
      doubled += 1;
      say(`doubled: run ${run} carried "${step}" out twice`);
    }
  }
  const stuck = runs.filter((run) => !ended(run));
  for (const { run, key, status, reason } of stuck) say(`stuck: run ${run} on ${key} is ${status}: ${reason || "no reason given"}`);
  const parked = runs.filter(({ journal }) => journal.some((entry) => entry.is === "parked")).length;
  return { rounds, events, lost: lost.length, doubled, parked, stuck: stuck.length };
}

/** It went well, or says why not; one that asks says what. */
function ended({ status, reason, journal }: Told): boolean {
  if (journal.some((entry) => entry.is === "parked" && (entry.reason === "" || entry.undo.length === 0))) return false;
  if (status === "finished") return reason !== "";
  return (status === "parked" || status === "asking") && reason !== "";
}

/** What the run may have done to its machine: an intent stands for one effect, unless it was seen not to have happened. */
function effectsOf(journal: readonly Entry[]): Effect[] {
  return journal.flatMap((entry) => {
    const effect = entry.is === "intent" ? effects[entry.verb] : undefined;
    if (entry.is !== "intent" || effect === undefined) return [];
    const { step, attempt } = entry;
    const outcome = journal.find((item) => item.is === "outcome" && item.step === step && item.attempt === attempt);
    return outcome?.is === "outcome" && outcome.result === "not-done" ? [] : [effect];
  });
}

/** Steps of a run whose act was carried out more than once. */
function doneTwice(journal: readonly Entry[]): string[] {
  const done = journal.flatMap((entry) => (entry.is === "outcome" && entry.result === "done" ? [entry.step] : []));
  return [...new Set(done.filter((step, index) => done.indexOf(step) !== index))];
}
