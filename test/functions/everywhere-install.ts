import { expect, test } from "vitest";
import type { EventStore, FunctionSpec } from "#events";
import { createLedger } from "#events/ledger.ts";
import { createRuns } from "#events/runs.ts";
import { createErrands } from "#functions/errands.ts";
import { crashEverywhere, createFakeWorld, type FakeMachineOptions, type FakeWorld, type History } from "#functions/testing/mod.ts";
import { agreeing, notTheSameLookAgain } from "./everywhere.ts";
import { guardsOf } from "./rig.ts";

interface Scene {
  readonly world: FakeWorld;
  readonly store: EventStore;
}

export interface Story {
  readonly spec: FunctionSpec;
  readonly others?: readonly FunctionSpec[];
  readonly data: unknown;
  readonly machines: readonly FakeMachineOptions[];
  readonly prepare?: (world: FakeWorld) => void | Promise<void>;
  /** Steps that only read are hit where others tell of them: a long story is hit where it acts, emits, asks and waits. */
  readonly long?: boolean;
  /** The machine that the run holds, if it holds one. */
  readonly machine?: string;
  /** What must be so however it ended. */
  readonly always: (world: FakeWorld, where: string) => void;
  /** What must be so when it ended well. */
  readonly good: (world: FakeWorld, where: string) => void;
}

export const controlPlane = (name: string, more: Partial<FakeMachineOptions> = {}): FakeMachineOptions => ({
  name,
  role: "control-plane",
  ...more,
});

/** Nothing was taken from any machine. */
export const gentle: Story["always"] = (world, where) => {
  for (const { name, did } of world.machines()) expect(did, `${name}: ${where}`).toMatchObject({ off: 0, wipe: 0, drain: 0, cordon: 0 });
};

/** Whatever is asked of a machine is done, and its answer lost. */
export const losing = (world: FakeWorld): void => {
  for (const machine of world.machines()) {
    machine.bmc.losesAnswers = true;
    machine.system.faults.losesAnswers = true;
  }
};

/** Hits the story's worker at every point and looks at what became of the machines. */
export function tellInstalled(
  story: Story,
  what: string,
  how: "crash" | "stop",
  faults: (world: FakeWorld) => void = () => undefined,
): void {
  test(`${story.spec.id}, ${what}, worker ${how === "crash" ? "killed" : "stopped"} everywhere: once, and nothing left without a word`, {
    timeout: 240_000,
  }, async () => {
    const histories = await everywhere(story, how, faults);
    expect([histories[0]?.status, histories[0]?.reason]).toEqual(["ok", undefined]);
    expect(histories.length).toBeGreaterThan(20);
    for (const history of histories) await check(story, history);
  });
}

async function everywhere(
  story: Story,
  how: "crash" | "stop",
  faults: ((world: FakeWorld) => void) | undefined,
): Promise<History<Scene>[]> {
  const { spec, others = [], data, machines } = story;
  const functionOf = ({ type }: { readonly type: string }) => [spec, ...others].find((one) => one.on.type === type)?.id ?? type;
  const errandsIn = (store: EventStore) => createErrands({ site: "test", runs: createRuns(store), store, functionOf });
  return crashEverywhere<Scene>(
    spec,
    {
      world(clock, store) {
        const world = createFakeWorld(clock, { machines, etcd: true });
        world.api.drainMs = 2000;
        void story.prepare?.(world);
        faults?.(world);
        return { world, store };
      },
      ports: ({ world, store }) => ({ ...world.ports, errands: errandsIn(store) }),
      guards: (office, { world }) => guardsOf(office, world),
      data,
      others,
      meanwhile: agreeing,
    },
    () => undefined,
    { how, at: notTheSameLookAgain(story.long ? 1 : 2, faults || story.long ? acted : undefined) },
  );
}

const acted = /append (intent|outcome|obliged|cleared|asked|decided|waiting)/;

async function check(story: Story, { world: { world, store }, status, reason, hit }: History<Scene>): Promise<void> {
  const where = `hit ${hit?.label ?? "nowhere"}, ended ${status}: ${reason}`;
  expect(world.violations(), where).toEqual([]);
  for (const { name, did } of world.machines()) {
    expect(did.install, `${name}: ${where}`).toBeLessThanOrEqual(1);
    expect(did.wipe, `${name}: ${where}`).toBeLessThanOrEqual(1);
    expect(did.bootstrap, `${name}: ${where}`).toBeLessThanOrEqual(1);
    const arm = await world.netboot.arms.of(name);
    if (status !== "parked") expect(["consumed", "disarmed", undefined], `${name}: ${where}`).toContain(arm?.state);
  }
  story.always(world, where);
  const ledger = story.machine === undefined ? undefined : await createLedger(store).of(story.machine);
  if (status === "ok") {
    story.good(world, where);
    expect(ledger?.quarantine ?? ledger?.unsettled ?? ledger?.left, where).toBeUndefined();
    return;
  }
  expect(["parked", "failed", "refused"], where).toContain(status);
  expect(reason, where).toBeTruthy();
}
