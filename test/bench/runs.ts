import { z } from "zod";
import { createWorker, defineEvent, type EventStore, type RuntimeLog, systemClock } from "#events";
import { defineFunction } from "#functions/define.ts";
import { onEachStore } from "./stores.ts";

const asked = defineEvent("bench-asked", { origin: "external", schema: z.object({ n: z.number() }), key: (data) => `k${data.n}` });

const sixSteps = defineFunction({ id: "six-steps", on: asked, uses: [], timeout: "1h" }, async ({ step }) => {
  for (const name of ["one", "two", "three", "four", "five", "six"]) await step.run(name, () => name.length);
});

const count = 400;

/** Durable runs of six steps per second beside raw appends of the same store: eight appends a run (started, six results, finished). */
export async function runs(): Promise<Record<string, number>> {
  const ratios: Record<string, number> = {};
  await onEachStore(async (name, store) => {
    const raw = await appends(store);
    const durable = await runsPerSecond(store);
    ratios[name] = round((durable * 8) / raw);
    process.stdout.write(
      `${name}: ${Math.round(durable)} runs/s of six steps (${Math.round(durable * 8)} journal entries/s), raw appends ${Math.round(raw)}/s, ratio ${ratios[name]}\n`,
    );
  });
  return ratios;
}

/** Appends per second with as many writers as the runs have, each waiting for its own answer as a run does. */
async function appends(store: EventStore): Promise<number> {
  const started = performance.now();
  await Promise.all(
    Array.from({ length: count }, async (_, writer) => {
      let expect = 0;
      for (let entry = 0; entry < 8; entry += 1) {
        const answer = await store.log.append(
          "journal",
          `raw.w${writer}`,
          { entry, text: "a journal entry of a usual size, more or less" },
          { expect },
        );
        expect = answer.ok ? answer.seq : 0;
      }
    }),
  );
  return (count * 8 * 1000) / (performance.now() - started);
}

async function runsPerSecond(store: EventStore): Promise<number> {
  let finished = 0;
  const done = Promise.withResolvers<void>();
  const log: RuntimeLog = {
    fact(_, fact) {
      if (fact.is === "finished" && ++finished === count) done.resolve();
    },
    note: () => undefined,
  };
  const worker = createWorker({ site: "bench", store, clock: systemClock, functions: [sixSteps], ports: {}, guards: [], log, slots: 512 });
  for (let n = 0; n < count; n += 1) await worker.office.bus.publish(asked, { n }, { id: `${n}`, source: "bench" });
  const started = performance.now();
  await worker.start();
  await done.promise;
  const rate = (count * 1000) / (performance.now() - started);
  await worker.stop();
  return rate;
}

const round = (value: number) => Math.round(value * 100) / 100;
