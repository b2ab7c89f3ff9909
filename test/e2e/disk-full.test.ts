import { type TestContext, test } from "vitest";
import { fillDisk, smallDisk } from "#test/lab/small-disk.ts";
import { beginCycle, endsWell, ofTheOff } from "./cycling.ts";
import { createSite } from "./outside.ts";

/** A site whose store is on a disk of its own. */
async function onSmallDisk(context: TestContext) {
  const disk = await smallDisk(context, 160);
  if (!disk) return context.skip("this user may not mount a tmpfs");
  return { disk, site: await createSite(context, { store: `{ embedded: { path: ${disk}/lab.db } }` }) };
}

test("the disk fills up while a machine is being cycled: the outcome is kept, new events are refused, and with room it goes on by itself", {
  timeout: 300_000,
}, async (context) => {
  const { expect } = context;
  const { disk, site } = await onSmallDisk(context);
  const worker = await site.start();
  await beginCycle(site, worker);
  await site.until("it is off", () => site.rack.host("gpu").count.off === 1);

  const empty = fillDisk(disk);
  expect(await site.until("the outcome of the off", () => ofTheOff(site, worker, "outcome"))).toMatchObject({ result: "done" });
  const another = () => worker.call("POST", "/v1/machines/other-1/power", { action: "on", reason: "a test" });
  await expect(another()).rejects.toThrow(/507 .*LO_STORE_FULL.*the disk is full/);
  await expect(worker.call("GET", "/healthz")).rejects.toThrow(/503 .*events are refused/);
  expect(worker.alive()).toBe(true);

  await empty();
  await endsWell(site, worker, expect);
  await another();
});

test("a worker that is killed with the power being cut, and the disk full: the next one starts there, sees what came of it, and goes on with room", {
  timeout: 300_000,
}, async (context) => {
  const { expect } = context;
  const { disk, site } = await onSmallDisk(context);
  const first = await site.start();
  await beginCycle(site, first);
  await site.until("the intent", () => ofTheOff(site, first, "intent"));
  const empty = fillDisk(disk);
  await first.signal("SIGKILL");

  const next = await site.start();
  expect(await site.until("the outcome of the off", () => ofTheOff(site, next, "outcome"))).toMatchObject({
    result: expect.stringMatching(/done$/),
  });
  await expect(next.call("GET", "/healthz")).rejects.toThrow(/503 .*events are refused/);
  await empty();
  await endsWell(site, next, expect);
});
