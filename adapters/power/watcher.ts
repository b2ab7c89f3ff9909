import { explain, keepLooking, machineFoundOff, type Office, powerChanged, type Stop, spread, stableId } from "#events";
import type { Powers } from "./port.ts";

/**
 * Looks at every machine's power now and then (BMCs suffer from more) and tells of changes: `power-changed`, and `machine-found-off` for
 * one that went off although nobody asked and no run holds it. Polling is the truth; a BMC that does not answer says nothing.
 */
export function watchPower(options: {
  power: Powers;
  machines: () => readonly string[];
  office: Office;
  /** Default 2 minutes. */
  everyMs?: number;
}): Stop {
  const { power, office, everyMs = 120_000 } = options;
  const { clock, bus, log } = office;
  const source = `lightsout/${office.site}/power`;
  const last = new Map<string, "on" | "off">();
  const silent = new Set<string>();

  const look = async (machine: string, signal: AbortSignal) => {
    const { state, raw } = await power.of(machine).state(signal);
    if (silent.delete(machine)) log.note("info", `the BMC of ${machine} answers again`);
    const before = last.get(machine);
    if (state === "unknown" || state === before) return;
    last.set(machine, state);
    const id = stableId("power", machine, state, clock.now());
    if (before !== undefined) await bus.publish(powerChanged, { machine, state, raw }, { id, source });
    if (state === "on" || (await meant(machine))) return;
    await bus.publish(machineFoundOff, { machine, evidence: `power ${raw}` }, { id: `${id}-off`, source });
    log.note("warn", `${machine} is off and nobody asked for it: somebody may have their hands in it`);
  };

  const meant = async (machine: string): Promise<boolean> => {
    if ((await office.ledger.of(machine)).want === "off") return true;
    return (await office.claims.holder(machine)) !== undefined;
  };

  const round = async (signal: AbortSignal) => {
    for (const machine of options.machines()) {
      if (signal.aborted) return;
      await look(machine, signal).catch((error) => {
        if (!silent.has(machine) && !signal.aborted) log.note("warn", `being blind: ${explain(error)}`);
        silent.add(machine);
      });
    }
  };
  return keepLooking(clock, round, spread(everyMs));
}
