import { z } from "zod";
import { createWorker, defineEvent, type EventStore, type Json, type RuntimeLog, stableId, systemClock } from "#events";
import { defineFunction } from "#functions/define.ts";
import { onEachStore } from "./stores.ts";

const asked = defineEvent("bench-asked", { origin: "external", schema: z.object({ n: z.number() }), key: (data) => `k${data.n}` });

const sixSteps = defineFunction({ id: "six-steps", on: asked, uses: [], timeout: "1h" }, async ({ step }) => {
  for (const name of ["one", "two", "three", "four", "five", "six"]) await step.run(name, () => name.length);
});

const count = 400;
const rounds = 20;
/** What a run appends: its event, `started`, six results, `finished`, and the event of its end. */
const appendsPerRun = 10;

/**
 * Durable runs of six steps per second, from publishing their events until nothing is left to do for them, beside raw appends of the same
 * store: the same records, by as many writers. The two take turns, and what counts is the median of the rounds; the first is for warming up.
 */
export async function runs(): Promise<Record<string, number>> {
  const ratios: Record<string, number> = {};
  await onEachStore(async (name, store) => {
    const bench = await startRuns(store);
    const measured: { runs: number; raw: number; ratio: number }[] = [];
    for (let round = 0; round <= rounds; round += 1) {
      const runs = await bench.runsPerSecond(round);
      const raw = await appends(store, round);
      if (round > 0) measured.push({ runs, raw, ratio: (runs * appendsPerRun) / raw });
    }
    await bench.stop();
    const usual = (of: (one: (typeof measured)[number]) => number) => median(measured.map(of));
    const [runs, raw, ratio] = [usual((one) => one.runs), usual((one) => one.raw), usual((one) => one.ratio)];
    ratios[name] = Math.round(ratio * 100) / 100;
    process.stdout.write(
      `${name}: ${Math.round(runs)} runs/s of six steps (${Math.round(runs * appendsPerRun)} appends/s), raw appends ${Math.round(raw)}/s, ratio ${ratios[name]}\n`,
    );
  });
  return ratios;
}

/** What one run appended. */
async function recordsOf(store: EventStore): Promise<{ readonly events: readonly Json[]; readonly entries: readonly Json[] }> {
  const { read } = store.log;
  const [entry] = await read("journal", "six-steps.>", { limit: 1 });
  const journal = await read("journal", entry?.subject ?? "");
  const ends = await Promise.all(["std.bench-asked.>", "std.run-finished.>"].map((filter) => read("events", filter, { limit: 1 })));
  const [events, entries] = [ends.flat(), journal].map((records) => records.map(({ data }) => data));
  if (events?.length !== 2 || entries?.length !== appendsPerRun - 2) throw new Error("a run did not append what is measured here");
  return { events, entries };
}

/**
 * Appends per second of the very records that runs append, under fresh names of the same kind, with as many writers as there are runs, each
 * waiting for its own answer as a run does. All go into the journal: among the events the worker would read them too.
 */
async function appends(store: EventStore, round: number): Promise<number> {
  const { events, entries } = await recordsOf(store);
  const started = performance.now();
  await Promise.all(
    Array.from({ length: count }, async (_, writer) => {
      const id = stableId("raw", round, writer);
      const subjects = [`asked.k${writer}`, `ended.${id}`];
      for (const [index, event] of events.entries()) {
        await store.log.append("journal", subjects[index] ?? "", event, { id: `${index}/${id}` });
      }
      let expect = 0;
      for (const entry of entries) {
        const answer = await store.log.append("journal", `raw.${id}`, entry, { expect });
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
      await worker.idle();
      return (count * 1000) / (performance.now() - started);
    },
    stop: () => worker.stop(),
  };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
