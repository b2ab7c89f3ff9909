import { expect, test } from "vitest";
import rollout from "#functions/rollout.ts";
import upgrade from "#functions/upgrade.ts";
import { lastOf, type Rig, startRig } from "./rig.ts";

const to = "v1.14.0";
const machines = [
  ...["cp-01", "cp-02", "cp-03"].map((name) => ({ name, role: "control-plane" as const, pool: "control-plane" })),
  { name: "gpu-01", pool: "gpu" },
  { name: "gpu-02", pool: "gpu" },
  { name: "gpu-03", pool: "gpu" },
];

async function start(): Promise<Rig> {
  const rig = await startRig({ machines, etcd: true, functions: [rollout, upgrade] });
  for (const { name, pool } of machines) rig.world.configs.declare(name, { profile: pool });
  return rig;
}
const versions = (rig: Rig) => Object.fromEntries(rig.world.machines().map(({ name, system }) => [name, system.running?.version]));
/** The machines in the order in which they were restarted. */
async function order(rig: Rig): Promise<string[]> {
  const runs = (await rig.worker.runs.all()).filter(({ function: id }) => id === "upgrade");
  return runs.toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1)).map(({ key }) => key);
}

test("a person agrees to the whole order, canaries come first and soak, and then one machine follows the other", async () => {
  const rig = await start();
  const run = await rig.say("rollout-requested", { version: to });
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("ok");
  expect(new Set(Object.values(versions(rig)))).toEqual(new Set([to]));
  expect(await order(rig)).toEqual(["gpu-01", "cp-01", "gpu-02", "gpu-03", "cp-02", "cp-03"]);
  expect(rig.world.violations()).toEqual([]);
  const asked = (await rig.journal(run)).find((entry) => entry.is === "asked");
  expect(asked).toMatchObject({
    plan: { order: [{ machine: "gpu-01", version: to, canary: true }, { machine: "cp-01", canary: true }, {}, {}, {}, {}] },
  });
});

test("a pool alone; and whoever refuses changes nothing", async () => {
  const rig = await start();
  const refused = await rig.say("rollout-requested", { pool: "gpu", version: to });
  await rig.answer(refused, false);
  expect(await rig.ended(refused)).toBe("denied");
  expect(await order(rig)).toEqual([]);
  const run = await rig.say("rollout-requested", { pool: "gpu", version: to });
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("ok");
  expect(await order(rig)).toEqual(["gpu-01", "gpu-02", "gpu-03"]);
});

test("the first failure stops it, and says what is done and what is not", async () => {
  const rig = await start();
  rig.world.machine("gpu-02").system.faults.badVersions.set(to, "crashes");
  const run = await rig.say("rollout-requested", { pool: "gpu", version: to });
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("gpu-02: gpu-02 rolled back");
  expect(await lastOf(rig, run)).toContain("Done: gpu-01. Not done: gpu-02, gpu-03");
  expect(versions(rig)).toMatchObject({ "gpu-01": to, "gpu-02": "v1.13.9", "gpu-03": "v1.13.9" });
});

test("a canary that falls ill while it soaks stops it before its likes follow", async () => {
  const rig = await start();
  const run = await rig.say("rollout-requested", { pool: "gpu", version: to });
  await rig.answer(run, true);
  await rig.until("the canary soaks", async () => (await rig.summary(run))?.reason.includes("let gpu-01 soak"), 7_200_000);
  rig.world.machine("gpu-01").host.sick = "DiskPressure";
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("the canary gpu-01");
  expect(await order(rig)).toEqual(["gpu-01"]);
});

test("between two machines storage must be healthy again, and after hours it is given up", async () => {
  const rig = await start();
  rig.world.storage.healthy = false;
  const run = await rig.say("rollout-requested", { pool: "gpu", version: to });
  await rig.answer(run, true);
  expect(await rig.ended(run)).toBe("failed");
  expect(await lastOf(rig, run)).toContain("storage is not healthy");
  expect(await order(rig)).toEqual([]);
});

test("machines of which nothing is declared are named and left out; a pool of nothing else is refused", async () => {
  const rig = await start();
  const run = await rig.say("rollout-requested", { pool: "no-such-pool" });
  expect(await rig.ended(run)).toBe("refused");
  expect(await lastOf(rig, run)).toContain("No machine of pool no-such-pool");
});
