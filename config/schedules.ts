import {
  type Clock,
  driftCheckRequested,
  etcdSnapshotRequested,
  explain,
  type RuntimeLog,
  type Stop,
  stableId,
  type Worker,
} from "#events";
import { readCron } from "./cron.ts";
import type { Config } from "./schema.ts";

/** What is asked for by itself, and when. */
interface Schedule {
  /** Part of the events' ids: all workers tell of the same. */
  readonly name: string;
  readonly cron: string;
  readonly type: string;
  readonly data: object;
}

/** A time that passed while no worker ran is made up for if it is no longer gone than this; of several, the last. */
const recentMs = 12 * 3_600_000;
/** The wall clock may jump while we sleep. */
const lookMs = 60_000;

/** The schedules of a configuration. */
export const schedulesOf = ({ drift, snapshots }: Pick<Config, "drift" | "snapshots">): readonly Schedule[] => [
  ...(snapshots?.schedule === undefined
    ? []
    : [{ name: "etcd-snapshot", cron: snapshots.schedule, type: etcdSnapshotRequested.type, data: { reason: "on schedule" } }]),
  ...(drift.schedule === undefined ? [] : [{ name: "drift-check", cron: drift.schedule, type: driftCheckRequested.type, data: {} }]),
];

/** Publishes each schedule's event when it is due. However many workers do so, and however often they start, a due time is one event. */
export function startSchedules(options: {
  schedules: readonly Schedule[];
  timezone: string;
  site: string;
  accept: Worker["accept"];
  clock: Clock;
  log: Pick<RuntimeLog, "note">;
}): Stop {
  const { accept, clock, log, schedules, site, timezone } = options;
  const stop = new AbortController();

  const follow = async ({ name, cron, type, data }: Schedule) => {
    const times = readCron(cron, timezone);
    let told = Number.NEGATIVE_INFINITY;
    while (times && !stop.signal.aborted) {
      const now = clock.now();
      const due = times.last(now) ?? told;
      if (due > told && due > now - recentMs) {
        const id = stableId("schedule", name, due);
        await accept({ type, data, origin: "external", source: `lightsout/${site}/schedule`, id }).then(
          () => {
            told = due;
          },
          (error) => log.note("warn", `${name}, due at ${new Date(due).toISOString()}, could not be asked for yet: ${explain(error)}`),
        );
      }
      await clock.sleep(Math.min((times.next(now) ?? now + lookMs) - now, lookMs), stop.signal).catch(() => undefined);
    }
  };
  const following = schedules.map(follow);
  return async () => {
    stop.abort();
    await Promise.all(following);
  };
}
