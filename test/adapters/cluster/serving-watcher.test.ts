import { expect, onTestFinished, test } from "vitest";
import { watchServing } from "#adapters/cluster/serving-watcher.ts";
import { createMemoryStore, createWorker } from "#events";
import { createFakeTime, createFakeWorld } from "#functions/testing/mod.ts";

function watching() {
  const clock = createFakeTime().clock();
  const store = createMemoryStore({ clock });
  const world = createFakeWorld(clock, { machines: ["gpu-01", "gpu-02"] });
  const notes: string[] = [];
  const log = { fact: () => undefined, note: (_: string, message: string) => void notes.push(message) };
  const { office } = createWorker({ site: "test", store, clock, functions: [], ports: {}, guards: [], log });
  const start = () => {
    const stop = watchServing({ cluster: world.ports.cluster, inventory: world.ports.inventory, office });
    onTestFinished(stop);
    return stop;
  };
  onTestFinished(() => clock.kill());
  const told = async () => (await store.log.read("events", ">")).map(({ data }) => data as { id?: string; data?: object });
  return { clock, world, start, told, notes };
}

test("every request is told once, with its machine", async () => {
  const { clock, world, start, told } = watching();
  start();
  world.askServing("gpu-02");
  await clock.sleep(60_000);
  world.askServing("gpu-01");
  await clock.sleep(600_000);
  expect((await told()).map(({ data }) => data)).toEqual([
    { machine: "gpu-02", request: "csr-1", uid: "uid-csr-1" },
    { machine: "gpu-01", request: "csr-2", uid: "uid-csr-2" },
  ]);
});

test("two that watch, and one that starts again, tell of the same", async () => {
  const { clock, world, start, told } = watching();
  world.askServing("gpu-02");
  await start()();
  start();
  start();
  await clock.sleep(600_000);
  expect(new Set((await told()).map(({ id }) => id)).size).toBe(1);
});

test("what nobody in the inventory asks for is noted once and left alone", async () => {
  const { clock, world, start, told, notes } = watching();
  world.askServing("gpu-02", { username: "system:node:laptop" });
  world.askServing("gpu-02", { username: "alice" });
  start();
  await clock.sleep(600_000);
  expect(await told()).toEqual([]);
  expect(notes).toEqual([
    "csr-1 asks for a serving certificate as system:node:laptop, which is no machine's Node: left alone",
    "csr-2 asks for a serving certificate as alice, which is no machine's Node: left alone",
  ]);
});

test("an API that is away is noted once, and what was asked meanwhile is told when it answers", async () => {
  const { clock, world, start, told, notes } = watching();
  world.api.reachable = false;
  start();
  await clock.sleep(120_000);
  expect(notes).toHaveLength(1);
  world.askServing("gpu-02");
  world.api.reachable = true;
  await clock.sleep(60_000);
  expect(await told()).toHaveLength(1);
});
