import { type Guard, type Incident, nodeLost } from "#events";
import type { Ports } from "../define.ts";
import { confirmLost } from "../fragments/lost.ts";
import { allow, refuse, wait } from "./verdict.ts";

/**
 * What was lost may have come back while its run waited for a person, a storm or a freeze: only what is still lost is fenced, and only
 * what Lightsout itself saw healthy and then saw go: another program's event is a hint. One that is Ready (again) is refused, one that shows
 * a sign of life or has no open incident waits.
 */
export function lostGuard(
  ports: Pick<Ports, "inventory" | "power" | "cluster" | "os">,
  incident: (machine: string) => Promise<Incident | undefined>,
): Guard {
  return {
    name: "lost",
    async check(intent) {
      if (intent.function.on.type !== nodeLost.type || !["cordon", "force-off"].includes(intent.verb))
        return allow("not an act on a machine that is taken for lost");
      const { is, why } = await confirmLost(intent.machine, ports);
      if (is === "returned") return refuse(`${why}: there is nothing to recover`);
      // A cordon needs no BMC; what follows it does, and asks a person.
      if (is === "alive" || (is === "silent" && intent.verb !== "cordon")) return wait(why);
      if ((await incident(intent.machine))?.state === "open") return allow(why);
      return wait(`${why}, but Lightsout itself has not seen it go yet: only what it saw healthy and then saw go is fenced`);
    },
  };
}
