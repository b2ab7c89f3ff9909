import { type Entry, type EventStore, type Guard, type Incident, nodeLost, type Runs, readJournal } from "#events";
import { allow, ask } from "./verdict.ts";

/**
 * One incident is cycled once: where an earlier run has switched the machine for it already (it did not come back, and somebody released
 * it), a person decides whether it is switched again. A run that another program began counts for the incident it worked in.
 */
export function againGuard(options: {
  incident: (machine: string) => Promise<Incident | undefined>;
  runs: Runs;
  store: EventStore;
}): Guard {
  return {
    name: "again",
    async check(intent) {
      const { machine, run, event } = intent;
      if (intent.function.on.type !== nodeLost.type || !["cordon", "force-off"].includes(intent.verb)) return allow("no new recovery");
      if (intent.approved.has("again")) return allow("a person agreed to switch it again");
      const now = await options.incident(machine);
      const open = now?.state === "open" ? now : undefined;
      const ids = [incidentOf(event), open?.id].filter((id) => id !== undefined);
      const others = (await options.runs.all()).filter((other) => {
        return other.key === machine && other.run !== run && other.event.type === nodeLost.type;
      });
      for (const other of others) {
        const { entries } = await readJournal(options.store, other.subject);
        const at = switchedAt(entries);
        if (at === undefined || !(workedOn(entries, ids) || (open !== undefined && at >= open.openedAt))) continue;
        return ask(`Run ${other.run} already cycled it for this incident at ${new Date(at).toISOString()}. Cycle it again?`);
      }
      return allow("not switched for this incident before");
    },
  };
}

const incidentOf = ({ data }: { readonly data?: unknown }): string | undefined => (data as { incident?: string } | undefined)?.incident;

function workedOn(entries: readonly Entry[], incidents: readonly string[]): boolean {
  return entries.some((entry) => entry.is === "started" && incidents.includes(incidentOf(entry.event) ?? ""));
}

/** When the run last switched its machine, or may have: an act without an outcome, or with one that nobody could tell, counts. */
function switchedAt(entries: readonly Entry[]): number | undefined {
  const switched = new Map<string, number>();
  for (const entry of entries) {
    if (entry.is === "intent" && (entry.verb === "force-off" || entry.verb === "power-on")) switched.set(nameOf(entry), entry.at);
    if (entry.is !== "outcome" || !switched.has(nameOf(entry))) continue;
    if (entry.result === "not-done") switched.delete(nameOf(entry));
    else switched.set(nameOf(entry), entry.at);
  }
  return switched.size === 0 ? undefined : Math.max(...switched.values());
}

const nameOf = ({ step, attempt }: { readonly step: string; readonly attempt: number }) => `${attempt} ${step}`;
