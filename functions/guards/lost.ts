import { type Guard, nodeLost } from "#events";
import type { Ports } from "../define.ts";
import { confirmLost } from "../fragments/lost.ts";
import { allow, refuse, wait } from "./verdict.ts";

/**
 * What was lost may have come back while its run waited for a person, a storm or a freeze: only what is still lost is fenced. One that
 * is Ready again is refused, one that shows a sign of life waits.
 */
export function lostGuard(ports: Pick<Ports, "inventory" | "power" | "cluster" | "os">): Guard {
  return {
    name: "lost",
    async check(intent) {
      if (intent.function.on.type !== nodeLost.type || !["cordon", "force-off"].includes(intent.verb))
        return allow("not an act on a machine that is taken for lost");
      const { is, why } = await confirmLost(intent.machine, ports);
      if (is === "returned") return refuse(`${why} again: there is nothing to recover`);
      // A cordon needs no BMC; what follows it does, and asks a person.
      return is === "lost" || (is === "silent" && intent.verb === "cordon") ? allow(why) : wait(why);
    },
  };
}
