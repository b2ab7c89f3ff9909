import { RefusedError } from "#events";
import type { Ports } from "../define.ts";
import { nobodyToAsk } from "./lost.ts";

/**
 * Throws unless the machine reads off and nothing on it answers: proof enough to take what is its own away from it. Called immediately before
 * that, in the same step.
 */
export async function mustBeOff(machine: string, ports: Pick<Ports, "power" | "os">, signal?: AbortSignal): Promise<void> {
  // At once: what follows must be done within the gate's five seconds, and a machine that is off keeps the probe waiting for three of them.
  const [{ state, raw }, signs] = await Promise.all([ports.power.of(machine).state(signal), ports.os.signsOfLife(machine, signal)]);
  if (state !== "off")
    throw new RefusedError(`${machine} reads ${raw}, not off`, { hint: "Nothing was taken from it; look at the machine" });
  if (signs.length === 0) throw nobodyToAsk(machine);
  const living = signs.find((sign) => sign.answered);
  if (living) {
    throw new RefusedError(
      `${machine} reads off, but its ${living.service} answers (${living.seen}): the BMC lies or is another machine's`,
      {
        hint: "Nothing was taken from it; check that the BMC belongs to this machine",
      },
    );
  }
}
