import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import type { Permit } from "#events";
import { defineFunction, forceOff, powerCycle, powerOn } from "#functions/mod.ts";
import { createFakeTime, createFakeWorld, testRun } from "#functions/testing/mod.ts";

/** What a user might write: a cycle that leaves the machine dark for a while. */
const darkCycle = defineFunction(
  { id: "dark-cycle", on: powerCycle, uses: ["power"], acts: ["force-off", "power-on"], aim: "on", timeout: "1h" },
  async ({ event, step, ports }) => {
    const { machine } = event.data;
    await step.act("off", forceOff(machine, ports));
    await step.sleep("let the capacitors drain", "30s");
    await step.act("on", powerOn(machine, ports));
  },
);

test("a user's function is tested in a few lines", async () => {
  const time = createFakeTime();
  const world = createFakeWorld(time.clock(), { machines: ["nuc-1", "nuc-2"] });
  const run = await testRun(darkCycle, { data: { machine: "nuc-1" }, ports: { ...world.ports }, time });
  expect(run.lines).toMatchInlineSnapshot(`
    [
      "started dark-cycle for nuc-1",
      "intent "off" force-off #1",
      "outcome "off" done: power Off",
      "waiting "let the capacitors drain"",
      "done "let the capacitors drain"",
      "intent "on" power-on #1",
      "outcome "on" done: power On",
      "finished ok",
    ]
  `);
  const [off, on] = world.machine("nuc-1").writes;
  expect((on?.at ?? 0) - (off?.at ?? 0)).toBeGreaterThanOrEqual(30_000);
  expect(world.machine("nuc-2").writes).toEqual([]);
});

test("the fakes refuse to work without a permit, as the real ports do", async () => {
  const world = createFakeWorld(createFakeTime().clock(), { machines: ["nuc-1"] });
  const forged: Permit = {
    run: "r",
    step: "s",
    attempt: 1,
    machine: "nuc-1",
    verb: "force-off",
    signal: new AbortController().signal,
    gate: () => undefined,
  };
  const power = world.ports.power.of("nuc-1");
  await expect(power.off(forged, "hard")).rejects.toThrow("no permit");
  await expect(power.on(forged)).rejects.toThrow("no permit");
  await expect(power.reset(forged)).rejects.toThrow("no permit");
  await expect(world.ports.cluster.taintOutOfService("nuc-1", forged, async () => undefined)).rejects.toThrow("no permit");
  expect(world.machine("nuc-1").writes).toEqual([]);
});

test("a taint while the power is on is noted as a violation", async () => {
  const time = createFakeTime();
  const world = createFakeWorld(time.clock(), { machines: ["nuc-1"] });
  const { cluster } = world.ports;
  const careless = defineFunction(
    { id: "careless", on: powerCycle, uses: ["cluster"], acts: ["taint-out-of-service"], timeout: "1h" },
    async ({ event, step, ports }) => {
      const { machine } = event.data;
      await step.act("taint", {
        machine,
        verb: "taint-out-of-service",
        observe: async () =>
          (await cluster.node(machine))?.outOfService ? { is: "done", seen: "tainted" } : { is: "not-done", seen: "not tainted" },
        perform: (permit) => ports.cluster.taintOutOfService(machine, permit, async () => undefined),
        settle: "30s",
        undo: "kubectl taint node nuc-1 node.kubernetes.io/out-of-service-",
      });
    },
  );
  await testRun(careless, { data: { machine: "nuc-1" }, ports: { ...world.ports }, time });
  expect(world.violations()).toEqual(["nuc-1 was tainted out of service while its power was on"]);
});

test("an unknown name is an error that names the known ones", () => {
  const world = createFakeWorld(createFakeTime().clock(), { machines: ["nuc-1"] });
  expect(() => world.machine("nuc-9")).toThrow('No machine is called "nuc-9"');
  expect(() => world.ports.power.of("nuc-9")).toThrow("nuc-9");
});

test('a functions folder outside this project finds all of it under "lightsout/testing"', async () => {
  const folder = await mkdtemp(join(tmpdir(), "functions-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(
    join(folder, "mine.ts"),
    `import { defineFunction, powerCycle } from "lightsout";
    import { createFakeTime, createFakeWorld, crashEverywhere, testRun } from "lightsout/testing";
    const world = createFakeWorld(createFakeTime().clock(), { machines: ["nuc-1"] });
    console.log(typeof testRun, typeof crashEverywhere, world.machine("nuc-1").power());
    export default defineFunction({ id: "mine", on: powerCycle, uses: [], timeout: "1m" }, async () => undefined);`,
  );
  const door = new URL("../../config/functions.ts", import.meta.url).href;
  const code = `const { loadFunctions } = await import(${JSON.stringify(door)});
    console.log((await loadFunctions(${JSON.stringify(folder)})).map((spec) => spec.id).join());`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], { cwd: folder });
  expect(stdout.trim().split("\n")).toEqual(["function function on", expect.stringMatching(/^node-lost,.*mine$/)]);
});
