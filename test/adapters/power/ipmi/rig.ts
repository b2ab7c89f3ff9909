import { inspect } from "node:util";
import { afterEach, expect, vi } from "vitest";
import { createIpmiPower, createIpmiTransport, type IpmiPowerOptions } from "#adapters/power/ipmi/mod.ts";
import type { Power } from "#adapters/power/port.ts";
import { type ActVerb, type Clock, DeviceError, type Permit } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import { steadyClock } from "#events/testing/mod.ts";
import { createHost, type Host } from "#test/lab/host.ts";
import { createIpmiBmc } from "#test/lab/ipmi-bmc.ts";
import { createRelay, type Pass } from "./relay.ts";

/** Short enough for a silent BMC, long enough for the other end, which is in this process and on the same clock. */
export const timeouts = { packetMs: 250, tries: 3, setupTries: 2, onceMs: 700, busyMs: 5, busyTries: 3, idleMs: 5000 };

/** A fresh permit, as the runtime would mint it. */
export const permitFor = (machine: string, verb: ActVerb, gate: () => void = () => undefined): Permit =>
  mintPermit({ run: "r1", step: "s1", attempt: 1, machine, verb, gate, signal: new AbortController().signal });

/** A host, its BMC and a client for it; with `pass`, a relay between the two. */
export async function makeRig(
  options: {
    bmc?: Partial<Parameters<typeof createIpmiBmc>[0]>;
    power?: Partial<IpmiPowerOptions>;
    host?: Partial<Parameters<typeof createHost>[0]>;
    clock?: Clock;
    pass?: Pass;
  } = {},
) {
  const clock = options.clock ?? steadyClock(1);
  const host = createHost({ name: "m1", clock, bootMs: 30, offMs: 20, shutdownMs: 20, ...options.host });
  const bmc = await createIpmiBmc({ host, clock, user: "admin", password: "secret", ...options.bmc });
  const relay = options.pass && (await createRelay(bmc.port, options.pass));
  const transport = createIpmiTransport({ clock });
  const { uuid, serial } = host.identity;
  const opened: Power[] = [];
  const client = (over: Partial<IpmiPowerOptions> = {}): Power => {
    const made = createIpmiPower({
      machine: host.name,
      host: "127.0.0.1",
      port: relay?.port ?? bmc.port,
      user: "admin",
      password: "secret",
      expect: { uuid, serial },
      clock,
      transport,
      timeouts,
      ...over,
    });
    opened.push(made);
    return made;
  };
  const power = client(options.power);
  return {
    host,
    bmc,
    power,
    /** Another client of the same BMC. */
    client,
    transport,
    permit: (verb: ActVerb, gate?: () => void) => permitFor(host.name, verb, gate),
    /** Commands executed so far, as `netFn/cmd` in hex. */
    commands: () => bmc.requests.map(({ netFn, cmd }) => `${netFn.toString(16)}/${cmd.toString(16)}`),
    async close() {
      await Promise.all(opened.map((one) => one.close()));
      await transport.close();
      relay?.close();
      await bmc.close();
    },
  };
}

/** What `makeRig` makes. */
export type Rig = Awaited<ReturnType<typeof makeRig>>;

/** `makeRig` for a test file: everything made is closed after each test. */
export function rigsPerTest(): typeof makeRig {
  const rigs: Rig[] = [];
  afterEach(() => Promise.all(rigs.splice(0).map((rig) => rig.close())));
  return async (options) => {
    const rig = await makeRig(options);
    rigs.push(rig);
    return rig;
  };
}

/** The `DeviceError` that `work` is rejected with. */
export async function failure(work: Promise<unknown>): Promise<DeviceError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DeviceError) return error;
  throw new Error(`expected a DeviceError, got ${inspect(error)}`);
}

/** Waits until the host itself is in this state. */
export const settled = (host: Host, power: string) => vi.waitFor(() => expect(host.power()).toBe(power), { timeout: 10_000, interval: 5 });

/** How many Chassis Control commands the BMC executed. */
export const controls = (rig: Rig): number => rig.commands().filter((command) => command === "0/2").length;
