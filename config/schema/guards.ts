import { z } from "zod";
import { section } from "./section.ts";
import { duration, type Limit, limit, share } from "./value.ts";

/** How often one machine is recovered before a person is asked: two, three, five times. */
const perMachine: Limit[] = ["2/6h", "3/24h", "5/7d"];

/** `guards`: they can be tuned, and not be turned off. */
export const guards = section({
  storm: section({
    // Half of a fleet that goes at once is never half of the machines failing, so no larger share is a guard.
    share: share(0.5)
      .prefault("0.2")
      .describe("Part of the fleet that may be lost inside the window before it counts as a storm; one machine always may."),
    window: duration("24h").prefault("10m").describe("How far apart losses count together."),
    cooldown: duration("24h").prefault("10m").describe("How long no new recovery starts after a storm."),
  })
    .prefault({})
    .describe("So many machines lost at once is the network, not the machines."),
  budget: section({
    perMachine: z.array(limit).min(1).default(perMachine).describe("Runs that disrupt one machine before it is left to a person."),
    fleet: limit.prefault("4/24h").describe("Runs that disrupt machines, of all together, before the next one waits."),
  })
    .prefault({})
    .describe("How often functions that declare a limit may disrupt machines."),
});
