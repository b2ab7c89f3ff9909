import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createEmbeddedStore } from "#adapters/embedded/mod.ts";
import { crashEverywhere, createFakeTime } from "#events/testing/mod.ts";
import { type Box, createBox, cycle } from "#test/events/runtime/toy.ts";

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
