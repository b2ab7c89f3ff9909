import { explain, keepLooking, type Office, type Runs, runFinished, type Stop } from "#events";
import type { Arms } from "./port.ts";

/**
 * Takes back the arm of every run that has ended, however it ended, so that none leaves a machine armed: when the end is told, and by looking
 * at all arms at the start and now and then, since who should tell may have died.
 */
export async function watchArms(options: {
  arms: Pick<Arms, "all" | "disarm">;
  office: Pick<Office, "bus" | "clock" | "log">;
  runs: Pick<Runs, "get">;
  /** Default 5 minutes. */
  everyMs?: number;
}): Promise<Stop> {
  const { arms, office, runs, everyMs = 300_000 } = options;
  const { bus, clock, log } = office;

  const take = async (machine: string, run: string) => {
    await arms.disarm(machine, { run, why: "its run has ended" }).catch((error) => {
      log.note("error", `${machine}: the arm of run ${run}, which has ended, could not be taken back: ${explain(error)}`);
    });
  };
  const lookAtAll = async () => {
    for (const { machine, run, state } of await arms.all()) {
      if (state !== "armed" && state !== "taken") continue;
      // Runs without an index entry have ended long ago: of one that acts, and all that arm do, it is written before it begins.
      const status = (await runs.get(run))?.status ?? "finished";
      if (status === "finished") await take(machine, run);
    }
  };

  const unfollow = await bus.follow(await bus.position(), ({ event }) => {
    if (event.type !== runFinished.type) return;
    const { machine, run } = event.data as { machine?: string; run: string };
    if (machine !== undefined) void take(machine, run);
  });
  const look = () => lookAtAll().catch((error) => log.note("warn", `the arms could not be looked at: ${explain(error)}`));
  const stop = keepLooking(clock, look, () => everyMs);
  return async () => {
    await Promise.all([stop(), unfollow()]);
  };
}
