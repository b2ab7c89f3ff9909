import { expect, test } from "vitest";
import type { EventStore } from "#events";
import { createLedger } from "#events/ledger.ts";
import { crashEverywhere, createFakeWorld, type FakeWorld, type History, type TalosFaults } from "#functions/testing/mod.ts";
import upgrade from "#functions/upgrade.ts";
import { notTheSameLookAgain } from "./everywhere.ts";
import { guardsOf } from "./rig.ts";

interface Story {
  readonly machine: string;
  /** What it runs, and what it is to run. */
  readonly path: readonly [from: string, to: string];
  readonly faults?: Partial<TalosFaults>;
  /** How it ends when nobody is hit. */
  readonly ends: "ok" | "failed";
  /** Restarts that are asked for at most. */
  readonly reboots: number;
}

interface Scene {
  readonly world: FakeWorld;
  readonly store: EventStore;
}

const path = ["v1.13.9", "v1.14.0"] as const;
const stories: readonly (readonly [what: string, how: "crash" | "stop", story: Story])[] = [
  ["a worker", "crash", { machine: "gpu-02", path, ends: "ok", reboots: 1 }],
  ["a worker", "stop", { machine: "gpu-02", path, ends: "ok", reboots: 1 }],
  ["a worker whose answers get lost", "stop", { machine: "gpu-02", path, faults: { losesAnswers: true }, ends: "ok", reboots: 1 }],
  [
    "a worker that goes back to what it ran",
    "crash",
    { machine: "gpu-02", path, faults: { badVersions: new Map([["v1.14.0", "crashes"]]) }, ends: "failed", reboots: 1 },
  ],
  ["a control plane that leads etcd", "crash", { machine: "cp-01", path, ends: "ok", reboots: 1 }],
  ["a control plane that restarts by itself", "stop", { machine: "cp-02", path: ["v1.12.11", "v1.13.9"], ends: "ok", reboots: 0 }],
];

test.each(stories)(
  "upgrade of %s, worker hit everywhere by a %s: installed once, restarted once, nothing left without a word",
  {
    timeout: 120_000,
  },
  async (_, how, story) => {
    const histories = await everywhere(story, how);
    expect(histories[0]?.status).toBe(story.ends);
    expect(histories.length).toBeGreaterThan(40);
    for (const history of histories) await check(story, history);
  },
);

async function everywhere({ machine, path: [from, to], faults = {} }: Story, how: "crash" | "stop"): Promise<History<Scene>[]> {
  return crashEverywhere<Scene>(
    upgrade,
    {
      world(clock, store) {
        const trio = ["cp-01", "cp-02", "cp-03"].map((name) => ({ name, role: "control-plane" as const }));
        const machines = [{ name: "gpu-01" }, { name: "gpu-02" }, ...trio].map((one) =>
          one.name === machine ? { ...one, talos: from } : one,
        );
        const world = createFakeWorld(clock, { machines, etcd: true });
        const box = world.machine(machine);
        Object.assign(box.system.faults, faults);
        box.pods = [{ name: "train-0", owner: "StatefulSet/train" }];
        world.api.drainMs = 2000;
        return { world, store };
      },
      ports: ({ world }) => ({ ...world.ports }),
      guards: (office, { world }) => guardsOf(office, world),
      data: { machine, version: to },
    },
    () => undefined,
    { how, at: notTheSameLookAgain() },
  );
}

async function check({ ends, machine, path: [from, to], reboots }: Story, history: History<Scene>): Promise<void> {
  const { world, store } = history.world;
  const { hit, reason, status } = history;
  const where = `hit ${hit?.label ?? "nowhere"}, ended ${status}: ${reason}`;
  const { did, node, system } = world.machine(machine);
  expect(did.upgrade, where).toBeLessThanOrEqual(1);
  expect(did.reboot, where).toBeLessThanOrEqual(reboots);
  expect([did.off, did.on, did.wipe], where).toEqual([0, 0, 0]);
  expect(world.violations(), where).toEqual([]);
  for (const other of world.machines()) if (other.name !== machine) expect([other.did.reboot, other.did.upgrade], where).toEqual([0, 0]);

  const ledger = await createLedger(store).of(machine);
  if (status !== ends) {
    expect(["parked", "failed"], where).toContain(status);
    expect(reason, where).toBeTruthy();
    if (status === "failed" && node.unschedulable) expect(ledger.quarantine?.reason, where).toBeTruthy();
    return;
  }
  expect(system.running?.version, where).toBe(ends === "ok" ? to : from);
  expect(system.upgradePending, where).toBe(false);
  expect(node.unschedulable, where).toBe(false);
  expect(ledger.quarantine ?? ledger.unsettled, where).toBeUndefined();
  expect(ledger.left?.obligations ?? [], where).toEqual([]);
}
