import { DeviceError, type Settings, UnsupportedError } from "#events";
import type { Ports } from "../define.ts";
import { hardwareOf } from "../fragments/hardware.ts";

/** Why a machine's drill does not count now: there is none, or the machine is not what it was. `undefined` while it counts. */
export async function drillLapsed(
  machine: string,
  settings: Settings,
  ports: Pick<Ports, "inventory" | "power">,
): Promise<string | undefined> {
  const drill = await settings.drill(machine);
  if (!drill) return `it has passed no drill: lightsout drill ${machine}`;
  const { gpus } = ports.inventory.machine(machine);
  if (drill.gpus !== gpus) return `it had ${drill.gpus} GPUs at its drill and is to have ${gpus} now: lightsout drill ${machine}`;
  const now = await present(machine, ports);
  const changed = Object.keys({ ...drill.hardware, ...now }).find((key) => now !== undefined && drill.hardware[key] !== now[key]);
  if (changed === undefined) return undefined;
  const was = drill.hardware[changed] ?? "unknown";
  return `its ${changed} was ${was} at its drill and is ${now?.[changed] ?? "unknown"} now: lightsout drill ${machine}`;
}

/** A BMC that is silent says nothing of a change; whether anything may be done without it, other guards say. */
async function present(machine: string, ports: Pick<Ports, "inventory" | "power">): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    return await hardwareOf(machine, ports);
  } catch (error) {
    if (error instanceof DeviceError || error instanceof UnsupportedError) return undefined;
    throw error;
  }
}
