import { test } from "vitest";
import type { Entry } from "#events";
import { fillDisk, smallDisk } from "#test/lab/small-disk.ts";
import { createSite, type WorkerProcess } from "./outside.ts";

test("the disk fills up while a machine is being cycled: the outcome is kept, new events are refused, and with room it goes on by itself", {
  timeout: 300_000,
}, async (context) => {
  const disk = await smallDisk(context, 160);
  if (!disk) return context.skip("this user may not mount a tmpfs");
  const site = await createSite(context, { store: `{ embedded: { path: ${disk}/lab.db } }` });
  const { expect } = context;
  const worker = await site.start();
  await site.rack.clock.sleep(30_000);
  const host = site.rack.host("gpu");
  await worker.call("POST", "/v1/machines/gpu/power", { action: "cycle", hard: true, reason: "a test" });
  await site.until("it is off", () => host.count.off === 1);

  const empty = fillDisk(disk);
  const outcome = async (step: string) => {
    const found = await site.run(worker, "power-cycle");
    return found?.journal.find((entry): entry is Extract<Entry, { is: "outcome" }> => entry.is === "outcome" && entry.step === step);
  };
  expect(await site.until("the outcome of the off", () => outcome("power off"))).toMatchObject({ result: "done" });
  const another = () => worker.call("POST", "/v1/machines/other-1/power", { action: "on", reason: "a test" });
  await expect(another()).rejects.toThrow(/507 .*LO_STORE_FULL.*the disk is full/);
  await expect(worker.call("GET", "/healthz")).rejects.toThrow(/503 .*events are refused/);
  expect(worker.alive()).toBe(true);

  await empty();
  await site.until("the run has ended", async () => (await site.run(worker, "power-cycle"))?.summary.status === "finished");
  expect((await site.run(worker, "power-cycle"))?.journal.at(-1)).toMatchObject({ is: "finished", status: "ok" });
  expect(host.count).toEqual({ off: 1, on: 1, reset: 0 });
  await another();
});

test("a worker that is killed with the power being cut, and the disk full: the next one starts there, sees what came of it, and goes on with room", {
  timeout: 300_000,
}, async (context) => {
  const disk = await smallDisk(context, 160);
  if (!disk) return context.skip("this user may not mount a tmpfs");
  const site = await createSite(context, { store: `{ embedded: { path: ${disk}/lab.db } }` });
  const { expect } = context;
  const first = await site.start();
  await site.rack.clock.sleep(30_000);
  await first.call("POST", "/v1/machines/gpu/power", { action: "cycle", hard: true, reason: "a test" });
  const about = async (worker: WorkerProcess, is: "intent" | "outcome") =>
    (await site.run(worker, "power-cycle"))?.journal.find((entry) => entry.is === is && entry.step === "power off");
  await site.until("the intent", () => about(first, "intent"));
  const empty = fillDisk(disk);
  await first.signal("SIGKILL");

  const next = await site.start();
  expect(await site.until("the outcome of the off", () => about(next, "outcome"))).toMatchObject({
    result: expect.stringMatching(/done$/),
  });
  await expect(next.call("GET", "/healthz")).rejects.toThrow(/503 .*events are refused/);
  await empty();
  await site.until("the run has ended", async () => (await site.run(next, "power-cycle"))?.summary.status === "finished");
  expect((await site.run(next, "power-cycle"))?.journal.at(-1)).toMatchObject({ is: "finished", status: "ok" });
  expect(site.rack.host("gpu").count).toEqual({ off: 1, on: 1, reset: 0 });
});
