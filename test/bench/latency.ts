import { z } from "zod";
import { createIpmiPower, createIpmiTransport, type IpmiTransport } from "#adapters/power/ipmi/mod.ts";
import type { Powers } from "#adapters/power/port.ts";
import { greeter } from "#config/powers.ts";
import { createWorker, defineEvent, type EventStore, systemClock } from "#events";
import { defineFunction } from "#functions/define.ts";
import { powerOn } from "#functions/fragments/power.ts";
import { createHost } from "#test/lab/host.ts";
import { createIpmiBmc } from "#test/lab/ipmi-bmc.ts";
import { onEachStore } from "./stores.ts";

const poked = defineEvent("bench-poked", {
  origin: "external",
  schema: z.object({ machine: z.string() }),
  key: ({ machine }) => machine,
});
const count = 400;
/** So many come first, and are not counted: nothing is compiled yet. */
const warmUp = 100;
const machines = Array.from({ length: count }, (_, n) => `m${n}`);

/**
 * Event handed in → the first packet to the BMC of its machine, beside the store's own publish → receive, in milliseconds. Every event is about a
 * machine of its own, at whose BMC nobody is logged in. The whole run is told too: log in, look, judge, write what was found.
 */
export async function latency(): Promise<Record<string, number>> {
  const ratios: Record<string, number> = {};
  await onEachStore(async (name, store) => {
    const raw = await rawLatency(store);
    const ours = await runLatency(store);
    ratios[name] = Math.round((p(ours.packet, 0.5) / p(raw, 0.5)) * 100) / 100;
    const both = (times: readonly number[]) => `p50 ${p(times, 0.5).toFixed(2)} ms, p99 ${p(times, 0.99).toFixed(2)} ms`;
    process.stdout.write(
      `${name}: event → first BMC packet ${both(ours.packet)}; → its run ended ${both(ours.end)}; raw publish → receive ${both(raw)}; ratio ${ratios[name]}\n`,
    );
  });
  return ratios;
}

async function rawLatency(store: EventStore): Promise<number[]> {
  const seen = waiters();
  const stop = await store.log.follow("dead", "raw.>", 0, (record) => seen.arrived((record.data as { machine: string }).machine));
  const times: number[] = [];
  for (const machine of machines) {
    const arrived = seen.wait(machine);
    const started = performance.now();
    await store.log.append("dead", "raw.k", { machine });
    times.push((await arrived) - started);
  }
  await stop();
  return times.slice(warmUp);
}

async function runLatency(store: EventStore): Promise<{ packet: number[]; end: number[] }> {
  const packets = waiters();
  const rack = await startRack((machine) => packets.arrived(machine));
  const ends = waiters();
  const spec = defineFunction(
    { id: "poke", on: poked, uses: ["power"], acts: ["power-on"], timeout: "1h" },
    async ({ step, event, ports }) => {
      await step.act("power on", powerOn(event.data.machine, ports));
    },
  );
  const worker = createWorker({
    site: "bench",
    store,
    clock: systemClock,
    functions: [spec],
    ports: { power: rack.powers },
    guards: [],
    prepare: greeter(rack.powers),
    log: { fact: ({ key }, fact) => (fact.is === "finished" ? ends.arrived(key) : undefined), note: () => undefined },
  });
  await worker.start();
  const [packet, end]: [number[], number[]] = [[], []];
  for (const machine of machines) {
    const waits = [packets.wait(machine), ends.wait(machine)] as const;
    const started = performance.now();
    await worker.accept({ type: poked.type, data: { machine }, id: machine, source: "bench", origin: "external" });
    packet.push((await waits[0]) - started);
    end.push((await waits[1]) - started);
    await worker.idle();
  }
  await worker.stop();
  await rack.close();
  return { packet: packet.slice(warmUp), end: end.slice(warmUp) };
}

/** Simulated BMCs, all of machines that are on, and a client whose every packet is told. */
async function startRack(onPacket: (machine: string) => void): Promise<{ powers: Powers; close(): Promise<void> }> {
  const transport = createIpmiTransport({ clock: systemClock });
  const bmcs = await Promise.all(
    machines.map((name) =>
      createIpmiBmc({ host: createHost({ name, clock: systemClock, power: "on" }), clock: systemClock, user: "admin", password: "secret" }),
    ),
  );
  const login = { host: "127.0.0.1", user: "admin", password: "secret", expect: {}, clock: systemClock };
  const powers = new Map(
    bmcs.map(({ port }, n) => {
      const machine = machines[n] ?? "";
      return [machine, createIpmiPower({ ...login, machine, port, transport: tapped(transport, () => onPacket(machine)) })];
    }),
  );
  return {
    powers: {
      of(machine) {
        const power = powers.get(machine);
        if (!power) throw new Error(`no machine ${machine}`);
        return power;
      },
    },
    async close() {
      await Promise.all([...powers.values()].map((power) => power.close()));
      await transport.close();
      await Promise.all(bmcs.map((bmc) => bmc.close()));
    },
  };
}

const tapped = (transport: IpmiTransport, onSend: () => void): IpmiTransport => ({
  ...transport,
  async open(...to) {
    const line = await transport.open(...to);
    return {
      ...line,
      send(datagram) {
        line.send(datagram);
        onSend();
      },
    };
  },
});

/** Tells when something arrived for the first time. */
function waiters() {
  const waiting = new Map<string, (at: number) => void>();
  return {
    arrived(name: string) {
      waiting.get(name)?.(performance.now());
      waiting.delete(name);
    },
    wait: (name: string) => new Promise<number>((resolve) => waiting.set(name, resolve)),
  };
}

const p = (times: readonly number[], share: number): number => times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? 0;
