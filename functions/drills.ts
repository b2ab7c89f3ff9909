import type { Clock, Drill, Settings } from "#events";

/** Drills that machines have passed, and the time to measure them by. */
export interface Drills {
  /** Milliseconds since the epoch. */
  now(): number;
  pass(machine: string, drill: Omit<Drill, "at">): Promise<void>;
}

export const createDrills = (settings: Settings, clock: Clock): Drills => ({
  now: () => clock.now(),
  pass: (machine, drill) => settings.setDrill(machine, { ...drill, at: new Date(clock.now()).toISOString() }),
});
