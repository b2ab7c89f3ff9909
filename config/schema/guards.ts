import { z } from "zod";
import { section } from "./section.ts";
import { duration, type Limit, limit, share } from "./value.ts";

/** How often one machine is recovered before a person is asked: two, three, five times. */
const perMachine: Limit[] = ["2/6h", "3/24h", "5/7d"];

/** `guards`: they can be tuned, and not be turned off. */
export const guards = section({
  storm: section({
    // Half of a fleet that goes at once is never half of the machines failing, so no larger share is a guard.
    share: share(0.5).prefault("0.2"),
    window: duration("24h").prefault("10m"),
    cooldown: duration("24h").prefault("10m"),
  }).prefault({}),
  budget: section({
    perMachine: z.array(limit).min(1).default(perMachine),
    fleet: limit.prefault("4/24h"),
  }).prefault({}),
});
