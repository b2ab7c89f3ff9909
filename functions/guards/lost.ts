import { type Guard, nodeLost } from "#events";
import type { Ports } from "../define.ts";
import { confirmLost } from "../fragments/lost.ts";
import { allow, disrupts, refuse, wait } from "./verdict.ts";

/**
 * What was lost may have come back while its run waited for a person, a storm or a freeze: only what is still lost is fenced. One that
 * is Ready again is refused, one that shows a sign of life waits.
 */
export function lostGuard(ports: Pick<Ports, "inventory" | "power" | "cluster" | "os">): Guard {
  return {
    name: "lost",
    async check(intent) {
      if (intent.function.on.type !== nodeLost.type || !intent.first || !disrupts(intent)) return allow("not the first act on a lost node");
      const { is, why } = await confirmLost(intent.machine, ports);
      if (is === "returned") return refuse(`${why} again: there is nothing to recover`);
      return is === "lost" ? allow(why) : wait(why);
    },
  };
}
