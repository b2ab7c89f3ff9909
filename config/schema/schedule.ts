import { isTimezone, readCron } from "../cron.ts";
import { like, Refused, value } from "./value.ts";

/** When something is done by itself, as a cron expression. */
export const cron = value(
  'a cron expression such as "0 3 * * *"',
  (given) =>
    // Whether there is a day for it does not depend on the time zone.
    readCron(given, "UTC")
      ? given
      : new Refused("is not a cron expression", 'Write minute, hour, day, month and weekday, such as "0 */6 * * *", or @daily'),
  like(/^(@(hourly|daily|weekly|monthly)|\S+( +\S+){4})$/, "0 */6 * * *", "@daily"),
);

/** The time zone of schedules. */
export const timezone = value("a time zone such as Europe/Berlin", (given) =>
  isTimezone(given) ? given : new Refused("is not a time zone", "Write it like Europe/Berlin, or UTC"),
);
