import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createEmbeddedStore } from "#adapters/embedded/mod.ts";
import { createWorker, readJournal } from "#events";
import { crashEverywhere, createFakeTime } from "#events/testing/mod.ts";
import { type Box, createBox, cycle, pressed } from "#test/events/runtime/toy.ts";

const folder = mkdtempSync(join(tmpdir(), "lightsout-crash-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

for (const how of ["crash", "stop"] as const) {
  test(`on the embedded store: at most once, with a worker that ${how === "crash" ? "dies" : "freezes"} at every point`, async () => {
    const histories = await crashEverywhere(
      cycle,
      {
        world: (clock) => createBox(clock, { losesAnswers: true }),
        ports: (box: Box) => ({ box: box.port }),
        data: { machine: "box" },
        store: (clock) => createEmbeddedStore({ path: join(folder, `${files++}.db`), site: "test", clock }),
        time: () => createFakeTime({ turns: 8 }),
      },
      ({ world, status }) => {
        expect(status).toBe("ok");
        expect(world.did).toEqual({ on: 1, off: 1 });
      },
      { how },
    );
    expect(histories.length).toBeGreaterThan(20);
  });
}

test("on the embedded store: three racing workers make one run of an event, and act once", async () => {
  const time = createFakeTime({ turns: 8 });
  const clock = time.clock();
  const store = await createEmbeddedStore({ path: join(folder, "race.db"), site: "test", clock });
  const box = createBox(clock);
  const worker = () => createWorker({ site: "test", store, clock, functions: [cycle], ports: { box: box.port }, guards: [] });
  const workers = [worker(), worker(), worker()];
  await Promise.all(workers.map((one) => one.start()));
  for (let copy = 0; copy < 3; copy += 1) {
    await workers[copy]?.office.bus.publish(pressed, { machine: "box" }, { id: "one", source: "test" });
  }
  await clock.sleep(600_000);
  const journals = await store.log.subjects("journal", ">");
  expect(journals).toHaveLength(1);
  const { entries } = await readJournal(store, journals[0] ?? "");
  expect(entries.filter((entry) => entry.is === "started")).toHaveLength(1);
  expect(entries.at(-1)).toMatchObject({ is: "finished", status: "ok" });
  expect(box.did).toEqual({ on: 1, off: 1 });
  await Promise.all(workers.map((one) => one.stop()));
  clock.kill();
  await store.close();
});
