import { type Clock, UnsupportedError } from "#events";
import type { Client } from "./client.ts";
import type { Service } from "./discovery.ts";
import { etagOf, patch } from "./etag.ts";
import { at, type Fields, texts } from "./fields.ts";
import { accepted } from "./reply.ts";

/** The locator light. Redfish has no duration for it, so switching it off again is ours. */
export interface Light {
  blink(service: Service, seconds: number, signal?: AbortSignal): Promise<void>;
  /** Forgets a light that is still on: it stays on. */
  close(): void;
}

const noLight = "Find the box by its serial number, or by the MAC address on its label";

/** @param client used again when the time is over */
export function createLight(options: { machine: string; client: Client; clock: Clock }): Light {
  const { machine, client, clock } = options;
  let timer = new AbortController();

  const set = async (service: Service, on: boolean, signal?: AbortSignal) => {
    const { body, reply } = await client.get(service.system, signal);
    const wanted = wish(body, on);
    if (wanted === undefined) throw new UnsupportedError(machine, "identify", "its BMC shows no locator light", { hint: noLight });
    const answer = await patch(client, service.system, wanted, { etag: etagOf(reply), signal });
    accepted(answer, { target: machine, operation: "identify", changes: true });
  };

  return {
    async blink(service, seconds, signal) {
      timer.abort();
      timer = new AbortController();
      await set(service, seconds > 0, signal);
      if (seconds <= 0) return;
      clock
        .sleep(seconds * 1000, timer.signal)
        .then(() => set(service, false))
        // Nobody waits for this any more, and a light that stays on harms nothing.
        .catch(() => undefined);
    },
    close() {
      timer.abort();
    },
  };
}

/** Whether the system shows a locator light at all. */
export function hasLight(system: Fields): boolean {
  return wish(system, true) !== undefined;
}

/** `LocationIndicatorActive` replaced `IndicatorLED` in ComputerSystem 1.12; some firmware lists Lit but not Blinking. */
function wish(system: Fields, on: boolean): Fields | undefined {
  if (Object.hasOwn(system, "LocationIndicatorActive")) return { LocationIndicatorActive: on };
  if (at(system, "IndicatorLED") === undefined) return undefined;
  const allowed = texts(system, "IndicatorLED@Redfish.AllowableValues");
  const lit = allowed.length > 0 && !allowed.includes("Blinking") ? "Lit" : "Blinking";
  return { IndicatorLED: on ? lit : "Off" };
}
