import { createHash } from "node:crypto";
import { explain, keepLooking, type Office, type Stop, spread } from "#events";
import type { Talos, TalosMachines } from "./port.ts";
import { createSeen, type Seen, tellChanges } from "./seen.ts";

/** How many machines are asked at once. */
const atOnce = 16;

/**
 * Looks at every machine's Talos now and then, and tells of what has changed: `machine-booted`, `upgrade-rolled-back`, `maintenance-entered`,
 * and `drift-check-requested` where the running configuration is another one than before. What was seen is kept in the store, so that a change
 * while nobody looked is told too. A machine that does not answer says nothing.
 */
export function watchTalos(options: {
  talos: TalosMachines;
  machines: () => readonly string[];
  office: Office;
  /** Whose configuration is compared with a declared one: whether it changes is looked at as well, and needs os:admin. */
  configs?: { has(machine: string): boolean };
  /** Default 30 seconds. */
  everyMs?: number;
  /** How often a configuration is read. Default 10 minutes. */
  configEveryMs?: number;
}): Stop {
  const { talos, machines, office, configs, everyMs = 30_000, configEveryMs = 600_000 } = options;
  const { clock, log } = office;
  const seen = createSeen(office.store);
  const configReadAt = new Map<string, number>();
  const blind = new Set<string>();

  const look = async (machine: string, signal: AbortSignal) => {
    const before = await seen.of(machine);
    const os = talos.of(machine);
    const presence = await os.presence(signal);
    if (presence.is === "foreign") throw new Error(`${machine} shows ${presence.seen}`);
    if (presence.is === "silent") return;
    const now =
      presence.is === "maintenance" ? { ...before, presence: "maintenance" as const } : await running(machine, os, before, signal);
    await tellChanges(machine, before, now, office);
    await seen.keep(machine, now);
    if (blind.delete(machine)) log.note("info", `the Talos of ${machine} answers again`);
  };

  const running = async (machine: string, os: Talos, before: Seen | undefined, signal: AbortSignal): Promise<Seen> => {
    const [bootId, pending] = [await os.bootId(signal), await os.upgradePending(signal)];
    const [{ tag: version }, schematic] = [await os.version(signal), await os.schematic(signal)];
    const boot = { bootId, version, ...(schematic === undefined ? {} : { schematic }) };
    const { bootId: _, ...system } = boot;
    const confirmed = pending ? before?.confirmed : system;
    const configuration = (await digest(machine, os, signal)) ?? before?.configuration;
    return {
      ...{ presence: "ours", boot, pending },
      ...(confirmed === undefined ? {} : { confirmed }),
      ...(configuration === undefined ? {} : { configuration }),
    };
  };

  /** `undefined` while it is not time to read it again. */
  const digest = async (machine: string, os: Talos, signal: AbortSignal): Promise<string | undefined> => {
    const last = configReadAt.get(machine);
    if (!configs?.has(machine) || (last !== undefined && clock.mono() - last < configEveryMs)) return undefined;
    configReadAt.set(machine, clock.mono());
    try {
      return createHash("sha256")
        .update(await os.configuration(signal))
        .digest("hex")
        .slice(0, 24);
    } catch (error) {
      // Whoever may not read configurations still sees boots.
      if (last === undefined && !signal.aborted)
        log.note("warn", `whether the configuration of ${machine} changes is not seen: ${explain(error)}`);
      return undefined;
    }
  };

  const round = async (signal: AbortSignal) => {
    const waiting = [...machines()];
    const next = async (): Promise<void> => {
      for (let machine = waiting.shift(); machine !== undefined && !signal.aborted; machine = waiting.shift()) {
        const name = machine;
        await look(name, signal).catch((error) => {
          if (!blind.has(name) && !signal.aborted) log.note("warn", `being blind: ${explain(error)}`);
          blind.add(name);
        });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, next));
  };

  return keepLooking(clock, round, spread(everyMs));
}
