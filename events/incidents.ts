import { stableId } from "./define-event.ts";
import { createRecords } from "./records.ts";
import { type EventStore, encodeToken } from "./store.ts";

/** A lost machine, from leaving Ready until its proven return. */
export interface Incident {
  readonly machine: string;
  readonly id: string;
  readonly state: "open" | "closed";
  readonly reason: string;
  /** Wall clock milliseconds, for windows and people. */
  readonly openedAt: number;
  readonly closedAt?: number;
  /** Each round is one event: the same round never starts two runs. */
  readonly round: number;
  readonly bootID?: string;
  /** Owners of the pods that ran on it when it was lost (no DaemonSets): the same on two lost machines is suspicious. */
  readonly workloads?: readonly string[];
}

export interface Incidents {
  of(machine: string): Promise<Incident | undefined>;
  all(): Promise<Incident[]>;
  /** Opens one, unless one is open. Answers the open one. */
  open(machine: string, reason: string, now: number, seen?: Pick<Incident, "bootID" | "workloads">): Promise<Incident>;
  /** The next round of an open incident; `undefined` when none is open, or when it has left the round `from` already. */
  nextRound(machine: string, from?: number): Promise<Incident | undefined>;
  close(machine: string, now: number): Promise<void>;
}

/** The id of an incident's event in one round. */
export const incidentEventId = (incident: Incident): string => stableId("incident", incident.machine, incident.id, incident.round);

export function createIncidents(store: EventStore): Incidents {
  const records = createRecords<Incident>(store.kv, "incidents");
  return {
    of: async (machine) => (await records.get(encodeToken(machine)))?.value,
    all: async () => (await records.all()).map((record) => record.value),
    async open(machine, reason, now, seen = {}) {
      const fresh: Incident = {
        machine,
        id: stableId(machine, now, reason),
        state: "open",
        reason,
        openedAt: now,
        round: 1,
        ...seen,
      };
      return (await records.change(encodeToken(machine), (before) => (before?.state === "open" ? undefined : fresh))) ?? fresh;
    },
    async nextRound(machine, from) {
      let moved = false;
      const after = await records.change(encodeToken(machine), (now) => {
        moved = now?.state === "open" && (from === undefined || now.round === from);
        return moved && now ? { ...now, round: now.round + 1 } : undefined;
      });
      return moved ? after : undefined;
    },
    async close(machine, now) {
      await records.change(encodeToken(machine), (before) =>
        before?.state === "open" ? { ...before, state: "closed", closedAt: now } : undefined,
      );
    },
  };
}
