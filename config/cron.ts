import { Cron } from "croner";

/** When something is due, by a cron expression. */
export interface Times {
  /** The first time after this one; `undefined` when none will come. Milliseconds since the epoch, as all here. */
  next(after: number): number | undefined;
  /** The last time up to and including this one. */
  last(until: number): number | undefined;
}

/**
 * The times of a cron expression: five fields (minute, hour, day, month, weekday) or `@hourly`, `@daily`, `@weekly`, `@monthly`, in a time
 * zone of IANA's list. `undefined` for a text that is none, or stands for a day that never comes.
 */
export function readCron(expression: string, timezone: string): Times | undefined {
  // Croner would also read a date, and more fields.
  if (!/^(@(hourly|daily|weekly|monthly)|\S+( +\S+){4})$/.test(expression)) return undefined;
  try {
    const cron = new Cron(expression, { mode: "5-part", timezone });
    // It leaves out the moment it is asked about itself.
    const times: Times = {
      next: (after) => cron.nextRun(new Date(after))?.getTime(),
      last: (until) => cron.previousRuns(1, new Date(until + 1))[0]?.getTime(),
    };
    return times.next(Date.now()) === undefined ? undefined : times;
  } catch {
    return undefined;
  }
}

/** Whether this is the name of a time zone. */
export function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
