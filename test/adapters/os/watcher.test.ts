import { describe, expect, onTestFinished, test } from "vitest";
import { watchTalos } from "#adapters/os/watcher.ts";
import { type CloudEvent, createMemoryStore, createWorker, DeviceError, type EventStore } from "#events";
import { createFakeTime, createFakeWorld, type FakeClock } from "#functions/testing/mod.ts";
import { createRig, until } from "./talos/rig.ts";

const toldBy = async (store: EventStore) =>
  (await store.log.read("events", ">")).map(({ data }) => data as unknown as CloudEvent<Record<string, unknown>>);
const inWords = async (store: EventStore) =>
  (await toldBy(store)).map(({ data, type }) =>
    [type, data.machine, data.bootId ?? data.seen, data.version ?? data.running].filter(Boolean).join(" "),
  );

function watching(options: { configs?: boolean } = {}) {
  const clock: FakeClock = createFakeTime().clock();
  const store = createMemoryStore({ clock });
  const world = createFakeWorld(clock, { machines: ["gpu-01", "gpu-02"] });
  const notes: string[] = [];
  const log = { fact: () => undefined, note: (_: string, message: string) => void notes.push(message) };
  const { office } = createWorker({ site: "test", store, clock, functions: [], ports: {}, guards: [], log });
  const start = () => {
    const { configs, talos } = world.ports;
    const stop = watchTalos({ talos, machines: () => ["gpu-01", "gpu-02"], office, ...(options.configs ? { configs } : {}) });
    onTestFinished(stop);
    return stop;
  };
  onTestFinished(() => clock.kill());
  const box = world.machine("gpu-02");
  /** Installs a version beside what runs, as somebody else would. */
  const installed = (version: string) => {
    const { system } = box;
    Object.assign(system, {
      slots: { a: system.slots.a, b: { version, schematic: system.running?.schematic } },
      next: "b",
      upgradePending: true,
    });
  };
  const restarted = async () => {
    box.press("off");
    box.press("on", 5000);
    await clock.sleep(600_000);
  };
  return { clock, world, box, office, store, start, installed, restarted, notes, told: () => inWords(store) };
}

test("what is seen for the first time is no news", async () => {
  const { box, clock, start, told } = watching({ configs: true });
  box.system.upgradePending = true;
  start();
  await clock.sleep(3_600_000);
  expect(await told()).toEqual([]);
});

test("a machine that starts anew is told of once, with what it runs", async () => {
  const { box, clock, start, told } = watching();
  start();
  await clock.sleep(120_000);
  box.press("off");
  await clock.sleep(300_000);
  expect(await told()).toEqual([]);
  box.press("on");
  await clock.sleep(600_000);
  expect(await told()).toEqual(["machine-booted gpu-02 gpu-02-boot-2 v1.13.9"]);
});

test("an upgrade that comes up is a boot and nothing more", async () => {
  const { clock, installed, restarted, start, told } = watching();
  start();
  await clock.sleep(60_000);
  installed("v1.14.0");
  await clock.sleep(120_000);
  await restarted();
  expect(await told()).toEqual(["machine-booted gpu-02 gpu-02-boot-2 v1.14.0"]);
});

test("an upgrade that does not come up, and a machine that runs what it ran before, is told of", async () => {
  const { box, clock, installed, restarted, start, told } = watching();
  start();
  await clock.sleep(60_000);
  installed("v1.14.0");
  box.system.faults.badVersions.set("v1.14.0", "crashes");
  await clock.sleep(120_000);
  await restarted();
  expect(await told()).toEqual(["machine-booted gpu-02 gpu-02-boot-3 v1.13.9", "upgrade-rolled-back gpu-02 gpu-02-boot-3 v1.13.9"]);
});

test("what happened while nobody looked is told by whoever looks next", async () => {
  const { box, clock, installed, restarted, start, told } = watching();
  const stop = start();
  await clock.sleep(60_000);
  installed("v1.14.0");
  box.system.faults.badVersions.set("v1.14.0", "crashes");
  await clock.sleep(120_000);
  await stop();
  await restarted();
  expect(await told()).toEqual([]);
  start();
  await clock.sleep(60_000);
  expect(await told()).toEqual(["machine-booted gpu-02 gpu-02-boot-3 v1.13.9", "upgrade-rolled-back gpu-02 gpu-02-boot-3 v1.13.9"]);
});

test("a run that upgrades a machine tells of its rollback itself", async () => {
  const { box, clock, installed, office, restarted, start, told } = watching();
  start();
  await clock.sleep(60_000);
  await office.claims.take("gpu-02", { run: "r1", function: "upgrade", subject: "upgrade.r1" });
  installed("v1.14.0");
  box.system.faults.badVersions.set("v1.14.0", "crashes");
  await clock.sleep(120_000);
  await restarted();
  expect(await told()).toEqual(["machine-booted gpu-02 gpu-02-boot-3 v1.13.9"]);
});

test("a machine that has lost its configuration is told of once, and once more when it happens again", async () => {
  const { box, clock, restarted, start, told } = watching();
  start();
  await clock.sleep(60_000);
  const { configuration } = box.system;
  for (const round of [1, 2]) {
    box.system.configuration = undefined;
    await restarted();
    expect((await told()).filter((one) => one.startsWith("maintenance-entered gpu-02"))).toHaveLength(round);
    box.system.configuration = configuration;
    await restarted();
  }
  expect((await told()).filter((one) => one.startsWith("machine-booted"))).toHaveLength(2);
});

test("however many look, every fact is told once", async () => {
  const { clock, restarted, start, told } = watching();
  for (let worker = 0; worker < 3; worker += 1) start();
  await clock.sleep(120_000);
  await restarted();
  expect(await told()).toEqual(["machine-booted gpu-02 gpu-02-boot-2 v1.13.9"]);
});

test("a configuration that changes is compared with the declared one, once for each change", async () => {
  const { box, clock, start, told } = watching({ configs: true });
  start();
  await clock.sleep(1_800_000);
  expect(await told()).toEqual([]);
  box.system.configuration += "sysctls: changed\n";
  await clock.sleep(3_600_000);
  expect(await told()).toEqual(["drift-check-requested gpu-02"]);
  box.system.configuration += "sysctls: changed again\n";
  await clock.sleep(3_600_000);
  expect(await told()).toHaveLength(2);
});

test("no configuration is kept, and one that cannot be read hides no boot", async () => {
  const { box, clock, notes, start, store, told, world } = watching({ configs: true });
  box.system.configuration += "token: hunter2\n";
  const { of } = world.ports.talos;
  const about = { target: "gpu-01", operation: "configuration", effect: "none" } as const;
  const denied = async () => Promise.reject(new DeviceError("LO_TALOS_AUTH", about, "not authorized"));
  Object.assign(world.ports.talos, { of: (name: string) => (name === "gpu-01" ? { ...of(name), configuration: denied } : of(name)) });
  start();
  await clock.sleep(1_800_000);
  expect(JSON.stringify(await store.kv.list("seen"))).not.toContain("hunter2");
  expect(notes).toEqual(["whether the configuration of gpu-01 changes is not seen: gpu-01: configuration: not authorized"]);
  world.machine("gpu-01").press("off");
  world.machine("gpu-01").press("on", 5000);
  await clock.sleep(600_000);
  expect(await told()).toEqual(["machine-booted gpu-01 gpu-01-boot-2 v1.13.9"]);
});

test("a machine that shows another cluster's certificate is noted once, and no news are made of it", async () => {
  const { box, clock, notes, start, told } = watching();
  start();
  await clock.sleep(60_000);
  box.system.faults.foreign = true;
  await clock.sleep(600_000);
  expect(notes).toEqual(["being blind: gpu-02 shows TLS, issued by another cluster"]);
  box.system.faults.foreign = false;
  await clock.sleep(120_000);
  expect(notes[1]).toBe("the Talos of gpu-02 answers again");
  expect(await told()).toEqual([]);
});

test("a store that is away delays news and loses none", async () => {
  const { clock, office, restarted, start, store, told } = watching();
  const { append } = store.log;
  start();
  await clock.sleep(60_000);
  Object.assign(store.log, { append: async () => Promise.reject(new Error("away")) });
  await restarted();
  Object.assign(store.log, { append });
  await clock.sleep(120_000);
  expect(await told()).toEqual(["machine-booted gpu-02 gpu-02-boot-2 v1.13.9"]);
  expect(office.site).toBe("test");
});

describe("over the wire", () => {
  async function wired(version: string) {
    const rig = await createRig({ version });
    const store = createMemoryStore({ clock: rig.clock });
    const { office } = createWorker({ site: "test", store, clock: rig.clock, functions: [], ports: {}, guards: [] });
    const stop = watchTalos({ talos: rig.talos, machines: () => ["m1"], office, everyMs: 2000 });
    onTestFinished(stop);
    await until(async () => expect(await store.kv.list("seen")).toHaveLength(1));
    return { ...rig, told: () => toldBy(store), seen: async () => (await store.kv.list("seen"))[0]?.value };
  }

  test.each(["v1.9.6", "v1.13.9", "v1.14.0"])(
    "a Talos %s that reboots is told of, with its boot id, version and schematic",
    async (version) => {
      const { host, machine, permit, told } = await wired(version);
      await machine.reboot(permit("os-reboot"), "default");
      await until(async () => expect(await told()).toHaveLength(1));
      const [event] = await told();
      expect(event).toMatchObject({ type: "machine-booted", data: { machine: "m1", bootId: host.bootId(), version } });
      expect(event?.data.schematic).toMatch(/^[0-9a-f]{64}$/);
    },
  );

  test("a Talos that falls back is told of", async () => {
    const { machine, os, permit, seen, told } = await wired("v1.13.9");
    os.faults.badVersions.set("v1.13.10", "crashes");
    const image = await machine.pullImage("ghcr.io/siderolabs/installer:v1.13.10");
    await machine.upgrade(permit("upgrade"), image);
    await until(async () => expect(await seen()).toMatchObject({ pending: true }));
    await machine.reboot(permit("os-reboot"), "default");
    await until(async () => expect((await told()).map(({ type }) => type)).toEqual(["machine-booted", "upgrade-rolled-back"]));
    expect((await told())[1]?.data).toMatchObject({ machine: "m1", running: "v1.13.9" });
  });

  test("a Talos whose state was wiped is told of when it waits for a configuration", async () => {
    const { machine, permit, told } = await wired("v1.13.9");
    const wipe = { what: "partitions", labels: ["STATE", "EPHEMERAL"] } as const;
    await machine.reset(permit("os-reset"), { graceful: false, reboot: true, wipe });
    await until(async () => expect((await told()).map(({ type }) => type)).toContain("maintenance-entered"));
  });
});
