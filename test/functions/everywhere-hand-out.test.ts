import { expect, test } from "vitest";
import {
  type Clock,
  type CloudEvent,
  componentUpgradeRequested,
  type EventStore,
  type FunctionSpec,
  powerOnRequested,
  stableId,
} from "#events";
import coldStart from "#functions/cold-start.ts";
import type { Errands } from "#functions/errands.ts";
import kubernetesUpgrade from "#functions/kubernetes-upgrade.ts";
import { crashEverywhere, createFakeWorld, type FakeWorld, type History } from "#functions/testing/mod.ts";
import { agreeing, notTheSameLookAgain } from "./everywhere.ts";
import { guardsOf } from "./rig.ts";

/** What was handed out: what it is, and from when to when somebody worked on it. */
interface Handed {
  readonly id: string;
  readonly what: string;
  readonly at: number;
  readonly endsAt: number;
}

interface Scene {
  readonly world: FakeWorld;
  readonly store: EventStore;
  readonly handed: Handed[];
}

const workMs = 20_000;

/** Other functions' workers, as far as those who hand out can tell: what is in the store is done once, and takes a while. */
function errandsOf(scene: Scene, clock: Clock, work: (data: Record<string, string>) => string): Errands {
  return {
    agreed: async () => undefined,
    async ended(by, emitted) {
      const id = stableId(by, emitted);
      const events = (await scene.store.log.read("events", ">")).map(({ data }) => data as unknown as CloudEvent<Record<string, string>>);
      const event = events.find((one) => one.id === id);
      if (!event) return undefined;
      let mine = scene.handed.find((one) => one.id === id);
      if (!mine) {
        mine = { id, what: work(event.data), at: clock.mono(), endsAt: clock.mono() + workMs };
        scene.handed.push(mine);
      }
      return clock.mono() < mine.endsAt ? undefined : { run: id, status: "ok", reason: "ok" };
    },
  };
}

interface Story {
  readonly spec: FunctionSpec;
  readonly data: unknown;
  readonly type: string;
  readonly world: (clock: Clock) => FakeWorld;
  /** Does what an event asks for, and says what that was. */
  readonly work: (data: Record<string, string>, world: FakeWorld, clock: Clock) => string;
  readonly expected: readonly string[];
}

const names = ["ssd-01", "cp-01", "gpu-01"];
const role = (name: string) => (name.startsWith("cp") ? ("control-plane" as const) : ("worker" as const));
const version = "v1.36.9";

const blackout: Story = {
  spec: coldStart,
  data: {},
  type: powerOnRequested.type,
  world(clock) {
    const machines = names.map((name) => ({ name, role: role(name), pool: name.startsWith("ssd") ? "storage" : "rest", off: true }));
    const world = createFakeWorld(clock, { machines, etcd: true });
    world.policy.coldStart = { pools: ["storage"], stagger: "15s" };
    return world;
  },
  work({ machine = "" }, world) {
    const etcd = world.etcd.quorate() ? "with etcd" : "without etcd";
    world.machine(machine).press("on", 1000);
    return `${machine} ${etcd}`;
  },
  expected: ["ssd-01 without etcd", "cp-01 without etcd", "gpu-01 with etcd"],
};

const kubernetes: Story = {
  spec: kubernetesUpgrade,
  data: { version },
  type: componentUpgradeRequested.type,
  world: (clock) => createFakeWorld(clock, { machines: ["cp-01", "gpu-01"].map((name) => ({ name, role: role(name) })) }),
  work({ component = "", machine = "" }, world, clock) {
    const { system } = world.machine(machine);
    system.configuration = system.configuration?.replace(new RegExp(`^${component}: .*$`, "m"), `${component}: ${version}`);
    system.configuredAt = clock.mono();
    return `${component} ${machine}`;
  },
  expected: [
    ...["kube-apiserver cp-01", "kube-controller-manager cp-01", "kube-scheduler cp-01", "kube-proxy cp-01"],
    ...["kubelet cp-01", "kubelet gpu-01"],
  ],
};

for (const story of [blackout, kubernetes]) {
  for (const how of ["crash", "stop"] as const) {
    test(`${story.spec.id}, worker ${how === "crash" ? "killed" : "stopped"} everywhere: everything once, in its order, and only after somebody agreed`, {
      timeout: 60_000,
    }, async () => {
      const histories = await everywhere(story, how);
      expect(histories.length).toBeGreaterThan(20);
      for (const history of histories) await check(story, history);
    });
  }
}

async function everywhere({ spec, data, work, world }: Story, how: "crash" | "stop"): Promise<History<Scene>[]> {
  return crashEverywhere<Scene>(
    spec,
    {
      world: (clock, store) => ({ world: world(clock), store, handed: [] }),
      ports: (scene, clock) => ({
        ...scene.world.ports,
        errands: errandsOf(scene, clock, (asked) => work(asked, scene.world, clock)),
      }),
      guards: (office, scene) => guardsOf(office, scene.world),
      data,
      meanwhile: agreeing,
    },
    () => undefined,
    { how, at: notTheSameLookAgain() },
  );
}

async function check({ expected, spec, type }: Story, { hit, reason, status, world: scene }: History<Scene>): Promise<void> {
  const where = `${spec.id} hit ${hit?.label ?? "nowhere"}, ended ${status}: ${reason}`;
  expect(status, where).toBe("ok");
  expect(
    scene.handed.map(({ what }) => what),
    where,
  ).toEqual(expected);
  const events = (await scene.store.log.read("events", ">")).map(({ data }) => data as unknown as CloudEvent);
  const out = events.filter((one) => one.type === type);
  expect(new Set(out.map(({ id }) => id)).size, where).toBe(expected.length);
  const decided = events.findIndex((one) => one.type === "approval-decided");
  expect(decided, where).toBeGreaterThanOrEqual(0);
  expect(
    events.findIndex((one) => one.type === type),
    where,
  ).toBeGreaterThan(decided);
  for (const [index, { at }] of scene.handed.slice(1).entries()) {
    const before = scene.handed[index];
    if (spec === kubernetesUpgrade) expect(at, where).toBeGreaterThanOrEqual(before?.endsAt ?? 0);
  }
  expect(scene.world.violations(), where).toEqual([]);
}
