import { expect, onTestFinished, test } from "vitest";
import { watchPower } from "#adapters/power/watcher.ts";
import { createMemoryStore, createWorker } from "#events";
import { createFakeTime, createFakeWorld } from "#functions/testing/mod.ts";

async function watching(prepare: (world: ReturnType<typeof createFakeWorld>) => void = () => undefined) {
  const clock = createFakeTime().clock();
  const store = createMemoryStore({ clock });
  const world = createFakeWorld(clock, { machines: ["gpu-01", "gpu-02"] });
  prepare(world);
  const notes: string[] = [];
  const worker = createWorker({
    site: "test",
    store,
    clock,
    functions: [],
    ports: {},
    guards: [],
    log: { fact: () => undefined, note: (_, message) => notes.push(message) },
  });
  const { office } = worker;
  const stop = watchPower({ power: world.ports.power, machines: () => ["gpu-01", "gpu-02"], office });
  onTestFinished(async () => {
    await stop();
    clock.kill();
  });
  const told = async () =>
    (await store.log.read("events", ">")).map((record) => {
      const { type, data } = record.data as unknown as { type: string; data: { machine: string; state?: string } };
      return [type, data.machine, data.state].filter(Boolean).join(" ");
    });
  return { clock, world, office, told, notes, stop };
}

test("the first look tells of no change", async () => {
  const { clock, told } = await watching();
  await clock.sleep(600_000);
  expect(await told()).toEqual([]);
});

test("a machine that went off although nobody asked is told of, once", async () => {
  const { clock, world, told, notes } = await watching();
  await clock.sleep(60_000);
  world.machine("gpu-02").press("off");
  await clock.sleep(1_200_000);
  expect(await told()).toEqual(["power-changed gpu-02 off", "machine-found-off gpu-02"]);
  expect(notes).toEqual(["gpu-02 is off and nobody asked for it: somebody may have their hands in it"]);
  world.machine("gpu-02").press("on");
  await clock.sleep(300_000);
  expect((await told()).slice(2)).toEqual(["power-changed gpu-02 on"]);
});

test("found off at the start: somebody may have their hands in it", async () => {
  const { clock, told } = await watching((world) => world.machine("gpu-02").press("off"));
  await clock.sleep(600_000);
  expect(await told()).toEqual(["machine-found-off gpu-02"]);
});

test("deliberate power-off is a change and nothing more", async () => {
  const { clock, world, office, told } = await watching();
  await clock.sleep(60_000);
  await office.ledger.change("gpu-02", (now) => ({ ...now, want: "off" }));
  world.machine("gpu-02").press("off");
  await clock.sleep(600_000);
  expect(await told()).toEqual(["power-changed gpu-02 off"]);
});

test("off in the hands of a run is nothing to worry about", async () => {
  const { clock, world, office, told } = await watching();
  await clock.sleep(60_000);
  await office.claims.take("gpu-02", { run: "r", function: "node-lost", subject: "node-lost.r" });
  world.machine("gpu-02").press("off");
  await clock.sleep(600_000);
  expect(await told()).toEqual(["power-changed gpu-02 off"]);
});

test("a silent BMC says nothing of its machine, and is noted once until it answers again", async () => {
  const { clock, world, told, notes } = await watching();
  await clock.sleep(60_000);
  const box = world.machine("gpu-02");
  box.bmc.silent = true;
  box.press("off");
  await clock.sleep(1_200_000);
  expect(await told()).toEqual([]);
  expect(notes).toEqual(["being blind: gpu-02: state: no answer in 3 s"]);
  box.press("on");
  await clock.sleep(1);
  box.bmc.silent = false;
  await clock.sleep(300_000);
  expect(await told()).toEqual([]);
  expect(notes.at(-1)).toBe("the BMC of gpu-02 answers again");
});

test("a transitional reading is no change", async () => {
  const { clock, world, told } = await watching();
  await clock.sleep(60_000);
  world.machine("gpu-02").bmc.reads = { state: "unknown", raw: "PoweringOff" };
  await clock.sleep(600_000);
  world.machine("gpu-02").bmc.reads = undefined;
  await clock.sleep(600_000);
  expect(await told()).toEqual([]);
});

test("stopped, it asks nothing more", async () => {
  const { clock, world, told, stop } = await watching();
  await clock.sleep(60_000);
  await stop();
  world.machine("gpu-02").press("off");
  await clock.sleep(600_000);
  expect(await told()).toEqual([]);
});
