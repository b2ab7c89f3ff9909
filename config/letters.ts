import { randomUUID } from "node:crypto";
import type { DeadLetter, Desk } from "#adapters/http/port.ts";
import { LightsoutError, type LogRecord, type Worker } from "#events";

interface Letter {
  readonly reason: string;
  readonly function?: string;
  readonly run?: string;
  readonly event: { readonly type?: string; readonly id?: string; readonly data?: unknown };
}

/** The dead letters: what could not be used or failed, with the reason. */
export function createLetters(worker: Worker): { all(): Promise<DeadLetter[]>; replay: Desk["replay"] } {
  const { log } = worker.office.store;
  const shown = (record: LogRecord): DeadLetter => {
    const { reason, function: functionId, run, event } = record.data as unknown as Letter;
    return {
      seq: record.seq,
      at: new Date(record.time).toISOString(),
      reason,
      ...(functionId === undefined ? {} : { function: functionId }),
      ...(run === undefined ? {} : { run }),
      event,
    };
  };
  return {
    all: async () => (await log.read("dead", ">")).map(shown),
    async replay(seq, actor) {
      const [record] = await log.read("dead", ">", { after: seq - 1, limit: 1 });
      if (record?.seq !== seq)
        throw new LightsoutError("LO_DEAD_UNKNOWN", `there is no dead letter ${seq}`, { hint: "lightsout dead list" });
      const { event } = record.data as unknown as Letter;
      if (typeof event?.type !== "string") {
        throw new LightsoutError("LO_DEAD_UNUSABLE", `dead letter ${seq} holds no event envelope: it cannot be replayed`);
      }
      const cause = event.id === undefined ? {} : { cause: event.id };
      return worker.accept({
        type: event.type,
        data: event.data,
        origin: "operator",
        source: "lightsout/replay",
        actor,
        id: randomUUID(),
        ...cause,
      });
    },
  };
}
