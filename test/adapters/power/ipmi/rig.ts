import { createIpmiPower, createIpmiTransport, type IpmiPowerOptions } from "#adapters/power/ipmi/mod.ts";
import { type ActVerb, type Clock, type Permit, systemClock } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import { createHost } from "#test/lab/host.ts";
import { createIpmiBmc } from "#test/lab/ipmi-bmc.ts";
import { createRelay, type Pass } from "./relay.ts";

/** Short enough for a silent BMC, long enough for a busy test machine. */
export const timeouts = { packetMs: 250, tries: 3, setupTries: 2, onceMs: 700, busyMs: 5, busyTries: 3, idleMs: 5000 };

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
  const clock = options.clock ?? systemClock;
  const host = createHost({ name: "m1", clock, bootMs: 30, offMs: 20, shutdownMs: 20, ...options.host });
  const bmc = await createIpmiBmc({ host, clock, user: "admin", password: "secret", ...options.bmc });
  const relay = options.pass && (await createRelay(bmc.port, options.pass));
  const transport = createIpmiTransport({ clock });
  const { uuid, serial } = host.identity;
  const power = createIpmiPower({
    machine: host.name,
    host: "127.0.0.1",
    port: relay?.port ?? bmc.port,
    user: "admin",
    password: "secret",
    expect: { uuid, serial },
    clock,
    transport,
    timeouts,
    ...options.power,
  });
  return {
    host,
    bmc,
    power,
    transport,
    permit: (verb: ActVerb, gate?: () => void) => permitFor(host.name, verb, gate),
    /** Commands executed so far, as `netFn/cmd` in hex. */
    commands: () => bmc.requests.map(({ netFn, cmd }) => `${netFn.toString(16)}/${cmd.toString(16)}`),
    async close() {
      await power.close();
      await transport.close();
      relay?.close();
      await bmc.close();
    },
  };
}
