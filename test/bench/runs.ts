import { z } from "zod";
import { createWorker, defineEvent, type EventStore, type RuntimeLog, systemClock } from "#events";
import { defineFunction } from "#functions/define.ts";
import { onEachStore } from "./stores.ts";

const asked = defineEvent("bench-asked", { origin: "external", schema: z.object({ n: z.number() }), key: (data) => `k${data.n}` });

const sixSteps = defineFunction({ id: "six-steps", on: asked, uses: [], timeout: "1h" }, async ({ step }) => {
  for (const name of ["one", "two", "three", "four", "five", "six"]) await step.run(name, () => name.length);
});

const count = 400;
const rounds = 5;
/** The event, `started`, six results, `finished`. */
const appendsPerRun = 9;

/**
 * Durable runs of six steps per second, from publishing their events to their ends, beside raw appends of the same store: as many of them, by
 * as many writers. The median of several rounds, the two taking turns; the first round of each is for warming up.
 */
export async function runs(): Promise<Record<string, number>> {
  const ratios: Record<string, number> = {};
  await onEachStore(async (name, store) => {
    const raw: number[] = [];
    const durable: number[] = [];
    const bench = await startRuns(store);
    for (let round = 0; round <= rounds; round += 1) {
      raw.push(await appends(store, round));
      durable.push(await bench.runsPerSecond(round));
    }
    await bench.stop();
    const [runsPerSecond, appendsPerSecond] = [median(durable.slice(1)), median(raw.slice(1))];
    ratios[name] = Math.round(((runsPerSecond * appendsPerRun) / appendsPerSecond) * 100) / 100;
    process.stdout.write(
      `${name}: ${Math.round(runsPerSecond)} runs/s of six steps (${Math.round(runsPerSecond * appendsPerRun)} appends/s), raw appends ${Math.round(appendsPerSecond)}/s, ratio ${ratios[name]}\n`,
    );
  });
  return ratios;
}

/** Appends per second with as many writers as there are runs, each waiting for its own answer as a run does. */
async function appends(store: EventStore, round: number): Promise<number> {
  const started = performance.now();
  await Promise.all(
    Array.from({ length: count }, async (_, writer) => {
      let expect = 0;
      for (let entry = 0; entry < appendsPerRun; entry += 1) {
        const data = { entry, text: "a journal entry of a usual size, more or less" };
        const answer = await store.log.append("journal", `raw.r${round}w${writer}`, data, { expect });
        expect = answer.ok ? answer.seq : 0;
      }
    }),
  );
  return (count * appendsPerRun * 1000) / (performance.now() - started);
}

async function startRuns(store: EventStore) {
  let finished = 0;
  let done = () => {};
  const log: RuntimeLog = {
    fact(_, fact) {
      if (fact.is !== "finished") return;
      finished += 1;
      if (finished % count === 0) done();
    },
    note: () => undefined,
  };
  const worker = createWorker({ site: "bench", store, clock: systemClock, functions: [sixSteps], ports: {}, guards: [], log, slots: 512 });
  await worker.start();
  return {
    async runsPerSecond(round: number): Promise<number> {
      const started = performance.now();
      const all = new Promise<void>((resolve) => {
        done = resolve;
      });
      await Promise.all(
        Array.from({ length: count }, (_, n) => worker.office.bus.publish(asked, { n }, { id: `${round}/${n}`, source: "bench" })),
      );
      await all;
      const rate = (count * 1000) / (performance.now() - started);
      await worker.idle();
      return rate;
    },
    stop: () => worker.stop(),
  };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
