import type { StoredEvent } from "../bus.ts";
import type { Lane } from "../define-event.ts";
import { journalSubject } from "../journal.ts";
import type { Json } from "../json.ts";
import { encodeToken, type LogRecord, type Stop } from "../store.ts";
import { runIdOf } from "./accept.ts";
import type { Office } from "./office.ts";
import type { FunctionSpec } from "./spec.ts";

/** Begins a run: resolves when its first entry is durable (here or by another worker before us) and the index knows of it. */
export type Begin = (spec: FunctionSpec, run: string, subject: string, item: StoredEvent) => Promise<void>;

/** Events taken in at the same moment, each with its own acknowledgement. What operators say is taken in its order. */
const width: Readonly<Record<Lane, number>> = { op: 1, std: 512 };

/**
 * Turns stored events into runs: one event, one run for each function that listens. An event is settled only when all its
 * runs have begun; what cannot be read goes to the dead letters with the reason.
 */
export async function startIntake(office: Office, begin: Begin): Promise<Stop> {
  const stops = await Promise.all(
    Object.entries(width).map(([lane, atOnce]) =>
      office.store.log.consume("events", `${lane}.>`, `intake-${lane}`, (record) => take(office, record, begin), atOnce),
    ),
  );
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}

async function take(office: Office, record: LogRecord, begin: Begin): Promise<void> {
  const item = office.bus.read(record);
  if ("unusable" in item) {
    const letter = { reason: item.unusable, event: record.data };
    await office.store.log.append("dead", `unusable.${encodeToken(record.subject)}`, letter as unknown as Json, {
      id: `dead/${record.seq}`,
    });
    office.log.note("warn", `event ${record.seq} went to the dead letters: ${item.unusable}`);
    return;
  }
  const { type, source, id } = item.event;
  const begun = office.specs
    .filter((spec) => spec.on.type === type)
    .map((spec) => {
      const run = runIdOf(office.site, spec.id, source, id);
      return begin(spec, run, journalSubject(spec.id, run), item);
    });
  await Promise.all(begun);
}
