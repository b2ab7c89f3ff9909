import { expect, test } from "vitest";
import { createBus, type EventStore, stableId, upgradeRequested } from "#events";
import type { Errands } from "#functions/errands.ts";
import rollout from "#functions/rollout.ts";
import { crashEverywhere, createFakeWorld, type FakeWorld } from "#functions/testing/mod.ts";
import { agreeing, notTheSameLookAgain } from "./everywhere.ts";

const to = "v1.14.0";
const names = ["cp-01", "cp-02", "cp-03"];

interface Scene {
  readonly world: FakeWorld;
  readonly store: EventStore;
  readonly errands: Errands;
}

/** Every machine that is asked to is brought to its version at once, by a run that is not shown. */
const errandsOf = (world: FakeWorld, store: EventStore): Errands => ({
  agreed: async () => undefined,
  async ended(by, emitted) {
    const bus = createBus(store, [upgradeRequested]);
    for (const { name, system } of world.machines()) {
      const asked = (await bus.since(upgradeRequested, name, 0)).find(({ event }) => event.id === stableId(by, emitted));
      if (!asked) continue;
      system.running = { schematic: system.running?.schematic, version: asked.event.data.version ?? "" };
      return { run: `upgrade-${name}`, status: "ok", reason: "ok" };
    }
    return undefined;
  },
});

test.each(["crash", "stop"] as const)(
  "rollout, worker hit everywhere by a %s: every machine is asked once, in its order, after one approval",
  {
    timeout: 120_000,
  },
  async (how) => {
    const histories = await crashEverywhere<Scene>(
      rollout,
      {
        world(clock, store) {
          const machines = names.map((name) => ({ name, role: "control-plane" as const }));
          const world = createFakeWorld(clock, { machines, etcd: true });
          return { world, store, errands: errandsOf(world, store) };
        },
        ports: ({ world, errands }) => ({ ...world.ports, errands }),
        data: { version: to },
        meanwhile: agreeing,
      },
      ({ status, journal, world: { world } }) => {
        expect(status).toBe("ok");
        expect(journal.filter((entry) => entry.is === "asked")).toHaveLength(1);
        expect(world.machines().map(({ system }) => system.running?.version)).toEqual(names.map(() => to));
      },
      { how, at: notTheSameLookAgain(2) },
    );
    expect(histories.length).toBeGreaterThan(40);
    for (const { hit, world } of histories) {
      const bus = createBus(world.store, [upgradeRequested]);
      const asked = await Promise.all(names.map((name) => bus.since(upgradeRequested, name, 0)));
      // Told twice after two minutes it is the same event, and makes the same run.
      for (const events of asked) expect(new Set(events.map(({ event }) => event.id)).size, hit?.label).toBe(1);
      const order = asked.map(([first], index) => ({ name: names[index], at: first?.position ?? 0 })).sort((a, b) => a.at - b.at);
      expect(
        order.map(({ name }) => name),
        hit?.label,
      ).toEqual(names);
    }
  },
);
