import type { ExpectStatic } from "vitest";
import type { Entry } from "#events";
import type { Site, WorkerProcess } from "./outside.ts";

/** Has the GPU machine cycled by a worker that has seen it healthy. */
export async function beginCycle(site: Site, worker: WorkerProcess): Promise<void> {
  await site.rack.clock.sleep(30_000);
  await worker.call("POST", "/v1/machines/gpu/power", { action: "cycle", hard: true, reason: "a test" });
}

/** What the journal of that cycle has of its off. */
export async function ofTheOff(site: Site, worker: WorkerProcess, is: "intent" | "outcome"): Promise<Entry | undefined> {
  const found = await site.run(worker, "power-cycle");
  return found?.journal.find((entry) => entry.is === is && entry.step === "power off");
}

/** Waits for its end: it went well, and the machine was switched off and on once. */
export async function endsWell(site: Site, worker: WorkerProcess, expect: ExpectStatic): Promise<void> {
  await site.until("the run has ended", async () => (await site.run(worker, "power-cycle"))?.summary.status === "finished");
  expect((await site.run(worker, "power-cycle"))?.journal.at(-1)).toMatchObject({ is: "finished", status: "ok" });
  expect(site.rack.host("gpu").count).toEqual({ off: 1, on: 1, reset: 0 });
}
