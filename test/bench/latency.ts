import { z } from "zod";
import { createWorker, defineEvent, type EventStore, systemClock } from "#events";
import { defineFunction } from "#functions/define.ts";
import { onEachStore } from "./stores.ts";

const poked = defineEvent("bench-poked", { origin: "external", schema: z.object({ n: z.number() }), key: (data) => `k${data.n}` });
const count = 300;

/** Event published → the first step of its run working, beside the store's own publish → receive, in milliseconds. */
export async function latency(): Promise<Record<string, number>> {
  const ratios: Record<string, number> = {};
  await onEachStore(async (name, store) => {
    const raw = await rawLatency(store);
    const ours = await runLatency(store);
    ratios[name] = Math.round((p(ours, 0.5) / p(raw, 0.5)) * 100) / 100;
    process.stdout.write(
      `${name}: event → first step p50 ${p(ours, 0.5).toFixed(2)} ms, p99 ${p(ours, 0.99).toFixed(2)} ms; raw publish → receive p50 ${p(raw, 0.5).toFixed(2)} ms, p99 ${p(raw, 0.99).toFixed(2)} ms; ratio ${ratios[name]}\n`,
    );
  });
  return ratios;
}

async function rawLatency(store: EventStore): Promise<number[]> {
  const seen = waiters();
  const stop = await store.log.follow("dead", "raw.>", 0, (record) => seen.arrived((record.data as { n: number }).n));
  const times = await each((n) => store.log.append("dead", "raw.k", { n }), seen);
  await stop();
  return times;
}

async function runLatency(store: EventStore): Promise<number[]> {
  const seen = waiters();
  const spec = defineFunction({ id: "poke", on: poked, uses: [], timeout: "1h" }, ({ step, event }) =>
    step.run("work", () => seen.arrived(event.data.n)),
  );
  const worker = createWorker({ site: "bench", store, clock: systemClock, functions: [spec], ports: {}, guards: [] });
  await worker.start();
  const times = await each((n) => worker.office.bus.publish(poked, { n }, { id: `${n}`, source: "bench" }), seen);
  await worker.stop();
  return times;
}

function waiters() {
  const waiting = new Map<number, () => void>();
  return {
    arrived: (n: number) => waiting.get(n)?.(),
    wait: (n: number) => new Promise<void>((resolve) => waiting.set(n, resolve)),
  };
}

async function each(send: (n: number) => Promise<unknown>, seen: ReturnType<typeof waiters>): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const arrived = seen.wait(n);
    const started = performance.now();
    await send(n);
    await arrived;
    times.push(performance.now() - started);
  }
  return times;
}

const p = (times: readonly number[], share: number): number => times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? 0;
