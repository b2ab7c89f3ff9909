import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "vitest";
import { createSite } from "./outside.ts";

/** A folder outside of this project with the given files. */
function folderOf(test: Pick<TestContext, "onTestFinished">, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-own-"));
  test.onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const inventoryWalk = `
import { defineEvent, defineFunction, z } from "lightsout";
import { createFakeWorld, testRun } from "lightsout/testing";

const walkRequested = defineEvent("walk-requested", {
  origin: "external",
  schema: z.object({ machine: z.string(), note: z.string().default("none") }),
  key: (data) => data.machine,
});

const walk = defineFunction(
  { id: "inventory-walk", on: walkRequested, uses: ["inventory", "power"], timeout: "5m" },
  async ({ event, step, ports }) => {
    const { machine, note } = event.data;
    const names: string[] = await step.run("list", () => ports.inventory.machines().map(({ name }) => name), { reads: true });
    await step.sleep("a moment", "2s");
    await step.run("look", async (signal) => \`\${(await ports.power.of(machine).state(signal)).state}, \${names.length}, \${note}\`, { reads: true });
  },
);

if (typeof testRun !== "function" || typeof createFakeWorld !== "function") throw new Error("lightsout/testing is not there");
export default walk;
`;

const ownPowerOn = `
import { defineFunction, powerOnRequested, TerminalError } from "lightsout";

export default defineFunction(
  { id: "power-on", on: powerOnRequested, uses: [], acts: ["power-on"], timeout: "1m" },
  async () => {
    throw new TerminalError("here nothing is powered on without a form in triplicate");
  },
);
`;

describe.concurrent("functions of a user, in a folder of their own", { timeout: 300_000 }, () => {
  test("are loaded, run on their own events, and may take the place of a built-in", async (context) => {
    const functions = folderOf(context, {
      "walk.ts": inventoryWalk,
      "power-on.mjs": ownPowerOn,
      "walk.test.ts": "a test that is no function, and not even TypeScript",
      "notes.txt": "not a function",
    });
    const site = await createSite(context, { change: (config) => Object.assign(config, { functions }) });
    const worker = await site.start();
    await worker.call("POST", "/v1/events", { type: "walk-requested", data: { machine: "gpu" } });
    await worker.call("POST", "/v1/machines/gpu/power", { action: "on" });
    const ended = (id: string) =>
      site.until(`the end of ${id}`, async () => {
        const run = await site.run(worker, id);
        return run?.summary.status === "finished" && run;
      });
    const { summary, journal } = await ended("inventory-walk");
    context.expect(summary.reason).toBe("ok");
    context.expect(journal.find((entry) => entry.is === "done" && entry.step === "look")).toMatchObject({ result: "on, 3, none" });
    context.expect((await ended("power-on")).summary.reason).toContain("form in triplicate");
    await context.expect(worker.call("POST", "/v1/events", { type: "walk-requested", data: {} })).rejects.toThrow("LO_EVENT_INVALID");
  });

  const broken = {
    "that is not TypeScript": { "broken.ts": "export default {{{" },
    "that throws": { "broken.ts": 'throw new Error("out of order");' },
    "without a function in it": { "broken.ts": "export const nothing = 1;" },
    "that imports what is not there": { "broken.ts": 'import "no-such-package"; export default 1;' },
    "with the id of another": { "a.ts": inventoryWalk, "broken.ts": inventoryWalk },
  } as const;
  for (const [what, files] of Object.entries(broken)) {
    test(`a file ${what} is refused by name, and nothing starts`, async (context) => {
      const functions = folderOf(context, files);
      const site = await createSite(context, { change: (config) => Object.assign(config, { functions }) });
      const refusal = await site.start().then(
        () => "it started",
        (error: Error) => error.message,
      );
      context.expect(refusal).toContain(join(functions, "broken.ts"));
      context.expect(refusal).toContain("LO_FUNCTION");
    });
  }
});
