import { machineQuarantined, runFinished } from "../catalogue/run.ts";
import { stableId } from "../define-event.ts";
import { type Entry, forebears, openObligations, type RunStatus, unresolvedIntent } from "../journal.ts";
import type { Json } from "../json.ts";
import { isRevocable, keep, unsay } from "../said.ts";
import { encodeToken } from "../store.ts";
import { machineOf, type Office, type RunName } from "./office.ts";
import type { FunctionSpec } from "./spec.ts";

/**
 * What follows a `finished` entry. Repeatable: whoever finds a run finished does all of it again, and nothing happens twice.
 * The order matters: what the run left is written down before its claim is released.
 */
export async function epilogue(office: Office, spec: FunctionSpec | undefined, name: RunName, entries: readonly Entry[]): Promise<void> {
  const finished = entries.at(-1);
  if (finished?.is !== "finished") return;
  const { status, reason } = finished;
  const machine = spec && machineOf(spec, name.key);
  if (spec && machine !== undefined) {
    await leave(office, name, machine, entries);
    await weigh(office, machine, entries);
    await office.claims.release(machine, name.run);
  }
  if (status === "failed") await bury(office, name, entries, reason ?? "failed");
  await office.bus.publish(
    runFinished,
    {
      run: name.run,
      function: name.function,
      ...(machine === undefined ? {} : { machine }),
      status,
      ...(reason === undefined ? {} : { reason }),
    },
    { id: stableId("finished", name.run), source: `lightsout/${office.site}/run/${name.run}` },
  );
}

/**
 * Writes into the ledger what a finished run left standing on its machine: for a successor, on purpose, or as a quarantine that asks a
 * person. Repeatable, and done before the claim changes hands, by whoever moves it.
 */
export async function leave(office: Office, name: RunName, machine: string, entries: readonly Entry[]): Promise<void> {
  const finished = entries.at(-1);
  if (finished?.is !== "finished") return;
  const { status } = finished;
  const keeps = office.specs.find((spec) => spec.id === name.function)?.keeps ?? [];
  const obligations = openObligations(entries);
  const before = forebears(entries);
  const intent = unresolvedIntent(entries);
  const meant = status === "superseded" || (status === "ok" && obligations.every((open) => keeps.includes(open.kind)));
  const asked = entries.some(
    (entry) => entry.is === "judged" && entry.verdicts.some((verdict) => verdict.says === "refuse" && verdict.quarantine),
  );
  const quarantine = asked || (!meant && (obligations.length > 0 || intent !== undefined));
  if (obligations.length === 0 && !intent && !quarantine) return;
  const reason = `${name.function} ended ${status}: ${finished.reason ?? status}`;
  const since = new Date(finished.at).toISOString();
  await office.ledger.change(machine, (now) => {
    if (now.turn !== name.run) return now;
    const { turn: _, ...rest } = now;
    return {
      ...rest,
      ...(obligations.length > 0 ? { left: { run: name.run, obligations, ...(before.length > 0 ? { before } : {}) } } : {}),
      ...(intent ? { unsettled: { run: name.run, verb: intent.verb, settleMs: intent.settleMs } } : {}),
      ...(quarantine ? { quarantine: { reason, run: name.run, since } } : {}),
    };
  });
  if (!quarantine) return;
  await office.bus.publish(
    machineQuarantined,
    { machine, reason, run: name.run, undo: obligations.map((open) => open.undo) },
    { id: stableId("quarantined", name.run), source: `lightsout/${office.site}/run/${name.run}` },
  );
}

/** Ends of a run that may have touched nothing: then the word that started it was not carried out, and does not stand. */
const revoking: readonly RunStatus[] = ["refused", "observed", "denied", "cancelled", "superseded"];

/** Lets the word that started the run stand for good, or takes it back when the run ended before it did anything. */
async function weigh(office: Office, machine: string, entries: readonly Entry[]): Promise<void> {
  const [started] = entries;
  const finished = entries.at(-1);
  if (started?.is !== "started" || finished?.is !== "finished") return;
  const { id } = started.event;
  if (!isRevocable(await office.ledger.of(machine), id)) return;
  const idle = revoking.includes(finished.status) && !entries.some((entry) => entry.is === "intent");
  await office.ledger.change(machine, (now) => (idle ? unsay(now, id) : keep(now, id)));
}

/** A failed run's event goes to the dead letters, with the reason, to be looked at and replayed. */
async function bury(office: Office, name: RunName, entries: readonly Entry[], reason: string): Promise<void> {
  const started = entries[0];
  if (started?.is !== "started") return;
  const letter = { reason, function: name.function, run: name.run, event: started.event };
  const subject = `${encodeToken(started.event.type)}.${encodeToken(name.key)}`;
  // The store forgets ids after a while; an epilogue may be repeated later than that.
  const there = await office.store.log.read("dead", subject);
  if (there.some((record) => (record.data as { run?: string } | null)?.run === name.run)) return;
  await office.store.log.append("dead", subject, letter as unknown as Json, { id: `dead/${name.run}` });
}
