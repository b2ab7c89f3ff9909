import { z } from "zod";
import { type Duration, isDuration } from "#events";
import { ProblemError } from "./problem.ts";

/** How long something is to last: `"90s"`, `"5m"`, `"2h"`. */
export const length = z.string().refine((text): text is Duration => isDuration(text), 'must be a duration such as "90s", "5m" or "2h"');

const lastDay = 8.64e15;

/** The moment as ISO 8601. Throws a problem for one that no calendar has. */
export function momentOf(time: number): string {
  if (time < lastDay) return new Date(time).toISOString();
  throw new ProblemError(422, "LO_HTTP_INVALID", "for: is longer than the calendar", { hint: "Leave it out to hold without an end" });
}
