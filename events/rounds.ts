import { nodeLost } from "./catalogue/node.ts";
import { explain } from "./errors.ts";
import { type Incident, incidentEventId } from "./incidents.ts";
import { journalSubject, readJournal } from "./journal.ts";
import type { RunSummary, Runs } from "./runs.ts";
import { runIdOf } from "./runtime/accept.ts";
import type { Office } from "./runtime/office.ts";
import type { Stop } from "./store.ts";

const sourceOf = (office: Office) => `lightsout/${office.site}/incidents`;

/** Emits an incident's event for its present round. The same round never starts two runs. */
export async function emitRound(office: Office, incident: Incident): Promise<void> {
  const { machine, id, round, reason } = incident;
  await office.bus.publish(
    nodeLost,
    { machine, incident: id, round, reason, openedAt: new Date(incident.openedAt).toISOString() },
    { id: incidentEventId(incident), source: sourceOf(office) },
  );
}

/** Whether a run began of the incident's present round. */
async function begun(office: Office, incident: Incident): Promise<boolean> {
  const source = sourceOf(office);
  for (const spec of office.specs.filter((item) => item.on.type === nodeLost.type)) {
    const run = runIdOf(office.site, spec.id, source, incidentEventId(incident));
    if (await office.store.log.last("journal", journalSubject(spec.id, run))) return true;
  }
  return false;
}

/** The runs that work, or worked, on this machine's loss: an incident's rounds, and what others told. */
const runsAbout = async (runs: Runs, machine: string) =>
  (await runs.all()).filter((run) => run.event.type === nodeLost.type && run.key === machine);

const acts = (office: Office, run: RunSummary) => office.specs.some((spec) => spec.id === run.function && spec.acts.length > 0);

/**
 * Tells a loss that was just seen. A machine that came back after its incident began (`readyAt`, wall clock milliseconds) and went again
 * before that could be written down gets the next round. A recovery under way on it, whoever asked for it, is not joined by another.
 * False when that round is still owed because of it.
 */
export async function tellLoss(office: Office, runs: Runs, incident: Incident, readyAt: number): Promise<boolean> {
  const again = incident.openedAt < readyAt && (await begun(office, incident));
  // Read last: a run that acts is in the index before it has begun.
  const about = await runsAbout(runs, incident.machine);
  if (about.some((run) => run.status !== "finished" && acts(office, run))) return !again;
  const told = again ? await office.incidents.nextRound(incident.machine, incident.round) : incident;
  if (told) await emitRound(office, told);
  return true;
}

const minuteMs = 60_000;

/** How often open incidents are looked at, whatever is heard: many hindrances end without an event. */
const lookMs = 5 * minuteMs;

/** How long after a round's end the next may begin unasked: 5 minutes, twice that with each round, at most half an hour. */
const restMs = (round: number) => Math.min(lookMs * 2 ** (round - 1), 30 * minuteMs);

/** People's words after which every held-back incident deserves another look. */
const releases = new Set(["hold-released", "freeze-released", "trust-changed"]);

/**
 * While an incident is open and no run works on it, a new round begins when what held it ends: a hold, a freeze, too little trust, or
 * another function's run on the machine. What ends without an event (an annotation, a hold's last day, a cluster out of sight, a service
 * that still answered) is tried again unasked, ever more rarely, as long as nothing was done to the machine.
 */
export async function startRounds(office: Office, runs: Runs): Promise<Stop> {
  const recovery = office.specs.filter((spec) => spec.on.type === nodeLost.type).map((spec) => spec.id);
  const look = (which: Look = {}) =>
    nextRounds(office, runs, which).catch((error) => office.log.note("warn", `open incidents could not be looked at: ${explain(error)}`));
  const from = await office.bus.position();
  const unfollow = await office.bus.follow(from, ({ event }) => {
    if (releases.has(event.type)) void look();
    const said = event.data as { function?: string; machine?: string; reachable?: boolean };
    if (event.type === "cluster-seen" && said.reachable) void look({ unasked: true });
    if (event.type !== "run-finished" || said.machine === undefined || recovery.includes(said.function ?? "")) return;
    void look({ machine: said.machine });
  });
  const stop = new AbortController();
  const looking = (async () => {
    for (;;) {
      await office.clock.sleep(lookMs, stop.signal).catch(() => undefined);
      if (stop.signal.aborted) return;
      await look({ unasked: true });
    }
  })();
  return async () => {
    stop.abort();
    await unfollow();
    await looking;
  };
}

interface Look {
  /** Only this machine's incident. */
  readonly machine?: string;
  /** Nothing was heard that ends a hindrance: only what is worth another try by itself. */
  readonly unasked?: boolean;
}

/**
 * Begins a new round for every open incident that no run works on, however many workers and watchers think of it at once. A round that has
 * begun no run yet is told again instead: its teller may have died, or it is on its way. Machines that are meant to be off, and those that
 * wait for a person's release, are left alone.
 */
export async function nextRounds(office: Office, runs: Runs, look: Look = {}): Promise<void> {
  for (const incident of await office.incidents.all()) {
    if (incident.state !== "open" || (look.machine ?? incident.machine) !== incident.machine) continue;
    const { want, quarantine } = await office.ledger.of(incident.machine);
    if (want === "off" || quarantine) continue;
    const present = await begun(office, incident);
    // Read last: a run that acts is in the index before it has begun.
    const about = await runsAbout(runs, incident.machine);
    if (about.some((run) => run.status !== "finished")) continue;
    if (look.unasked && !(await worthAnother(office, incident, present, about))) continue;
    const next = present ? await office.incidents.nextRound(incident.machine, incident.round) : incident;
    if (next) await emitRound(office, next);
  }
}

/**
 * Whether another round may succeed although nothing was heard: the last run ended without an act, or brought the machine back that then
 * went again. What was only observed, or a person ended, waits for a person's word.
 */
async function worthAnother(office: Office, incident: Incident, present: boolean, about: readonly RunSummary[]): Promise<boolean> {
  if (!present && incident.round > 1) return true;
  const since = about.filter((run) => acts(office, run) && Date.parse(run.updatedAt) >= incident.openedAt);
  const last = since.toSorted((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt)).at(-1);
  if (!last) return !present;
  const { entries } = await readJournal(office.store, last.subject);
  const end = entries.at(-1);
  if (end?.is !== "finished" || office.clock.now() - end.at < restMs(incident.round)) return false;
  if (end.status === "ok") return !present && Date.parse(last.startedAt) < incident.openedAt;
  return (end.status === "failed" || end.status === "refused") && !entries.some((entry) => entry.is === "intent");
}
