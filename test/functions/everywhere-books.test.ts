import { expect, test } from "vitest";
import { driftFound, type EventStore, type FunctionSpec } from "#events";
import { createLedger } from "#events/ledger.ts";
import componentUpgrade from "#functions/component-upgrade.ts";
import csrApprover from "#functions/csr-approver.ts";
import driftCheck from "#functions/drift-check.ts";
import driftRepair from "#functions/drift-repair.ts";
import { createHistory } from "#functions/history.ts";
import { crashEverywhere, createFakeWorld, type FakeWorld, type History } from "#functions/testing/mod.ts";
import { notTheSameLookAgain } from "./everywhere.ts";
import { guardsOf } from "./rig.ts";

interface Scene {
  readonly world: FakeWorld;
  readonly store: EventStore;
}

interface Story {
  readonly spec: FunctionSpec;
  readonly data: unknown;
  readonly prepare: (world: FakeWorld) => void;
  /** How often something was really done. */
  readonly did: (world: FakeWorld) => number;
  /** It is done. */
  readonly done: (scene: Scene) => Promise<boolean> | boolean;
}

const machine = "cp-02";

const stories: readonly Story[] = [
  {
    spec: csrApprover,
    data: { machine, request: "csr-1", uid: "uid-csr-1" },
    prepare: (world) => void world.askServing(machine),
    did: (world) => world.machine(machine).did.approve,
    done: ({ world }) => world.api.requests.length === 0,
  },
  {
    spec: componentUpgrade,
    data: { machine, component: "kube-apiserver", version: "v1.36.9" },
    prepare: () => undefined,
    did: (world) => world.machine(machine).did.apply,
    done: ({ world }) => world.machine(machine).system.configuration?.includes("kube-apiserver: v1.36.9") === true,
  },
  {
    spec: componentUpgrade,
    data: { machine, component: "kubelet", version: "v1.36.9" },
    prepare: (world) => {
      world.machine(machine).system.faults.losesAnswers = true;
    },
    did: (world) => world.machine(machine).did.apply,
    done: async ({ world }) => (await world.ports.cluster.node(machine))?.kubeletVersion === "v1.36.9",
  },
  {
    spec: driftRepair,
    data: { machine, drift: [{ of: "labels", declared: "gpu=a100", running: "gpu=" }] },
    prepare: (world) => world.configs.declare(machine, { labels: { gpu: "a100" } }),
    did: (world) => world.machine(machine).did.settle,
    done: ({ world }) => world.machine(machine).node.labels.gpu === "a100",
  },
  {
    spec: driftCheck,
    data: {},
    prepare: (world) => world.configs.declare(machine, { labels: { gpu: "a100" } }),
    did: () => 0,
    async done({ store }) {
      const found = (await store.log.read("events", ">")).map(({ data }) => data as { id?: string; type?: string });
      return new Set(found.filter(({ type }) => type === driftFound.type).map(({ id }) => id)).size === 1;
    },
  },
];

for (const [index, story] of stories.entries()) {
  for (const how of ["crash", "stop"] as const) {
    test(`${story.spec.id} (${index}), worker ${how === "crash" ? "killed" : "stopped"} everywhere: once, and nothing left without a word`, {
      timeout: 60_000,
    }, async () => {
      const histories = await everywhere(story, how);
      expect(histories[0]?.status).toBe("ok");
      expect(histories.length).toBeGreaterThan(5);
      for (const history of histories) await check(story, history);
    });
  }
}

async function everywhere({ spec, data, prepare }: Story, how: "crash" | "stop"): Promise<History<Scene>[]> {
  return crashEverywhere<Scene>(
    spec,
    {
      world(clock, store) {
        const controlPlanes = ["cp-01", machine, "cp-03"].map((name) => ({ name, role: "control-plane" as const, address: "10.0.0.2" }));
        const world = createFakeWorld(clock, { machines: [...controlPlanes, "gpu-01"] });
        prepare(world);
        return { world, store };
      },
      ports: ({ world, store }) => ({ ...world.ports, history: createHistory(store) }),
      guards: (office, { world }) => guardsOf(office, world),
      data,
    },
    () => undefined,
    { how, at: notTheSameLookAgain() },
  );
}

async function check(story: Story, { world: scene, hit, reason, status }: History<Scene>): Promise<void> {
  const where = `hit ${hit?.label ?? "nowhere"}, ended ${status}: ${reason}`;
  const { world, store } = scene;
  expect(story.did(world), where).toBeLessThanOrEqual(1);
  expect(world.violations(), where).toEqual([]);
  for (const name of ["cp-01", "cp-03", "gpu-01"]) {
    const { approve, apply, settle } = world.machine(name).did;
    expect(approve + apply + settle, where).toBe(0);
  }
  // The wrong word would be to say that nobody knows: what was done can be read back.
  expect(status, where).toBe("ok");
  expect(await story.done(scene), where).toBe(true);
  const ledger = await createLedger(store).of(machine);
  expect(ledger.quarantine ?? ledger.unsettled ?? ledger.left, where).toBeUndefined();
}
