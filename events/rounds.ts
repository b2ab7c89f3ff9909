import { nodeLost } from "./catalogue/node.ts";
import { explain } from "./errors.ts";
import { type Incident, incidentEventId } from "./incidents.ts";
import { journalSubject } from "./journal.ts";
import type { Runs } from "./runs.ts";
import { runIdOf } from "./runtime/accept.ts";
import type { Office } from "./runtime/office.ts";
import type { Stop } from "./store.ts";

const sourceOf = (office: Office) => `lightsout/${office.site}/incidents`;

/** Emits an incident's event for its present round. The same round never starts two runs. */
export async function emitRound(office: Office, incident: Incident): Promise<void> {
  const { machine, id, round, reason } = incident;
  await office.bus.publish(nodeLost, { machine, incident: id, round, reason }, { id: incidentEventId(incident), source: sourceOf(office) });
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

/** The events after which a held-back incident deserves another look. */
const enders = new Set(["hold-released", "freeze-released", "trust-changed", "run-finished"]);

/**
 * While an incident is open and no run works on it, a new round begins when what held it ends: a hold, a freeze, too little trust, or
 * another function's run on the machine.
 */
export async function startRounds(office: Office, runs: Runs): Promise<Stop> {
  const recovery = office.specs.filter((spec) => spec.on.type === nodeLost.type).map((spec) => spec.id);
  const from = await office.bus.position();
  return office.bus.follow(from, ({ event }) => {
    if (!enders.has(event.type)) return;
    if (event.type === "run-finished" && recovery.includes((event.data as { function: string }).function)) return;
    void nextRounds(office, runs).catch((error) => office.log.note("warn", `open incidents could not be looked at: ${explain(error)}`));
  });
}

/**
 * Begins a new round for every open incident that no run works on, however many workers and watchers think of it at once. A round that has
 * begun no run yet is told again instead: its teller may have died, or it is on its way.
 */
export async function nextRounds(office: Office, runs: Runs): Promise<void> {
  for (const incident of await office.incidents.all()) {
    if (incident.state !== "open") continue;
    const present = await begun(office, incident);
    // Read last: a run is in the index before it has begun.
    const about = (await runs.all()).filter((run) => run.event.type === nodeLost.type && run.key === incident.machine);
    if (about.some((run) => run.status !== "finished")) continue;
    const next = present ? await office.incidents.nextRound(incident.machine, incident.round) : incident;
    if (next) await emitRound(office, next);
  }
}
