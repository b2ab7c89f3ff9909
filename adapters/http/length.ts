import { z } from "zod";
import { type Duration, isDuration } from "#events";

const message = 'must be a duration such as "90s", "5m" or "2h"';

/** How long something is to last: `"90s"`, `"5m"`, `"2h"`. At most six digits: no calendar has more days. */
export const length = z
  .string()
  .regex(/^\d{1,6}(\.\d{1,3})?(ms|s|m|h|d)$/, { error: message, abort: true })
  .refine((text): text is Duration => isDuration(text), message)
  .meta({ examples: ["90s", "5m", "2h"] });

/** The moment as ISO 8601. */
export const momentOf = (time: number): string => new Date(time).toISOString();
