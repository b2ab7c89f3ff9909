import { createRedfishPower, type RedfishOptions } from "#adapters/power/redfish/mod.ts";
import { type ActVerb, type Clock, DeviceError, type Permit } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import { steadyClock } from "#events/testing/mod.ts";
import { createHost, type Host } from "#test/lab/host.ts";
import { createRedfishBmc, type RedfishBmc } from "#test/lab/redfish-bmc.ts";
import type { PersonalityName } from "#test/lab/redfish-personalities.ts";

/** A host with its BMC, and whatever clients a test opens to it. Waits pass twenty times as fast. */
export interface Rig {
  readonly host: Host;
  readonly bmc: RedfishBmc;
  readonly clock: Clock;
  /** Clients trust the lab's certificate and expect the host's identity, unless told otherwise. */
  power(options?: Partial<RedfishOptions>): ReturnType<typeof createRedfishPower>;
  permit(verb: ActVerb, over?: Partial<Permit>): Permit;
  /** What was asked of the BMC, as "METHOD /path", from now back to the last call. */
  asked(): string[];
  close(): Promise<void>;
}

export async function createRig(
  personality: PersonalityName = "dell",
  { power = "on", ...over }: { power?: "on" | "off" } & Pick<Parameters<typeof createRedfishBmc>[0], "tls" | "seed"> = {},
): Promise<Rig> {
  const clock = steadyClock(20);
  const host = createHost({ name: "w1", clock, power, bootMs: 6000, offMs: 1000, shutdownMs: 2000, gpus: 2 });
  const bmc = await createRedfishBmc({
    host,
    clock,
    personality,
    user: "root",
    password: "calvin-and-hobbes",
    restartMs: 4000,
    ...over,
  });
  const opened: { close(): Promise<void> }[] = [];
  let read = 0;
  return {
    host,
    bmc,
    clock,
    power(over) {
      const made = createRedfishPower({
        machine: "w1",
        address: `127.0.0.1:${bmc.port}`,
        user: "root",
        password: "calvin-and-hobbes",
        tls: { pin: bmc.fingerprint() },
        expect: { uuid: host.identity.uuid, serial: host.identity.serial },
        clock,
        timeouts: { connectMs: 10_000, requestMs: 10_000 },
        ...over,
      });
      opened.push(made);
      return made;
    },
    permit: (verb, over) =>
      mintPermit({ run: "r1", step: "s", attempt: 1, machine: "w1", verb, gate() {}, signal: new AbortController().signal, ...over }),
    asked() {
      const news = bmc.requests.slice(read).map(({ method, path }) => `${method} ${path}`);
      read = bmc.requests.length;
      return news;
    },
    async close() {
      // Whatever it was made to do, it lets its clients say goodbye.
      bmc.intercept = undefined;
      for (const one of opened) await one.close();
      await bmc.close();
    },
  };
}

/** What `work` was rejected with. */
export async function rejection(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
}

/** The error as what decides: code and effect. */
export async function verdict(work: Promise<unknown>): Promise<unknown> {
  const error = await rejection(work);
  return error instanceof DeviceError ? `${error.code}, ${error.effect}` : error;
}
