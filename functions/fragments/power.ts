import { type Act, type Duration, humanDuration, milliseconds, type Observation } from "#events";
import type { Ports } from "../define.ts";

type Power = Pick<Ports, "power">;

/**
 * How long a power request may take to show. The slowest seen: 46 s to on (HPE Cray EX235a), 60 s of settling (iDRAC10). With the gate's
 * 5 s and 20 s for the request this makes the least settle the runtime accepts, and a little.
 */
const latency: Duration = "60s";
const settle: Duration = "90s";

async function seen(machine: string, want: "on" | "off", ports: Power, signal: AbortSignal): Promise<Observation> {
  const { state, raw } = await ports.power.of(machine).state(signal);
  const is = state === "unknown" ? "cannot-tell" : state === want ? "done" : "not-done";
  return { is, seen: `power ${raw}` };
}

/** Power on. */
export const powerOn = (machine: string, ports: Power): Act => ({
  machine,
  verb: "power-on",
  observe: (signal) => seen(machine, "on", ports, signal),
  perform: async (permit) => (await ports.power.of(machine).on(permit)).answer,
  latency,
  settle,
  undo: `lightsout power off ${machine} --hard`,
});

/** Cut the power. */
export const forceOff = (machine: string, ports: Power): Act => ({
  machine,
  verb: "force-off",
  observe: (signal) => seen(machine, "off", ports, signal),
  perform: async (permit) => (await ports.power.of(machine).off(permit, "hard")).answer,
  latency,
  settle,
  undo: `lightsout power on ${machine}`,
});

/** Ask the operating system to shut down. That it still runs says nothing until `within` is over, and then a person is asked. */
export const gracefulOff = (machine: string, ports: Power, within: Duration = "5m"): Act => ({
  machine,
  verb: "power-off",
  before: (signal) => seen(machine, "off", ports, signal),
  observe: async (signal) => {
    const now = await seen(machine, "off", ports, signal);
    return now.is === "done"
      ? now
      : { is: "cannot-tell", seen: `still ${now.seen}, ${humanDuration(milliseconds(within))} after it was asked to shut down` };
  },
  perform: async (permit) => (await ports.power.of(machine).off(permit, "graceful")).answer,
  settle: within,
  every: "5s",
  undo: `lightsout power on ${machine}`,
});
