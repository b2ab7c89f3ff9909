import { expect, test } from "vitest";
import { approvalDecided, approvalRequested, createMemoryStore, type EventStore, type FunctionSpec, type Worker } from "#events";
import { createLedger } from "#events/ledger.ts";
import { createRuns } from "#events/runs.ts";
import { createErrands } from "#functions/errands.ts";
import {
  crashEverywhere,
  createFakeWorld,
  type FakeClock,
  type FakeMachineOptions,
  type FakeWorld,
  type History,
  type Point,
} from "#functions/testing/mod.ts";
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
  let store: EventStore | undefined;
  const functionOf = ({ type }: { readonly type: string }) => [spec, ...others].find((one) => one.on.type === type)?.id ?? type;
  const here = () => {
    if (!store) throw new Error("the store comes first");
    return store;
  };
  const errands = () => createErrands({ site: "test", runs: createRuns(here()), store: here(), functionOf });
  return crashEverywhere<Scene>(
    spec,
    {
      store(clock) {
        store = createMemoryStore({ clock });
        return store;
      },
      world(clock) {
        const world = createFakeWorld(clock, { machines, etcd: true });
        world.api.drainMs = 2000;
        void story.prepare?.(world);
        faults?.(world);
        return { world, store: here() };
      },
      ports: ({ world }) => ({ ...world.ports, errands: errands() }),
      guards: (office, { world }) => guardsOf(office, world),
      data,
      others,
      meanwhile: (worker, run, clock) => void agree(worker, run, clock),
    },
    () => undefined,
    { how, at: notTheSameLookAgain(faults || story.long ? acted : /append/, story.long ? 1 : 2) },
  );
}

/** A person who agrees to what the run asks. */
async function agree({ office }: Worker, run: string, clock: FakeClock): Promise<void> {
  for (const agreed = new Set<string>(); ; await clock.sleep(10_000)) {
    for (const { event } of await office.bus.since(approvalRequested, run, 0)) {
      const { step, nonce, digest } = event.data;
      if (agreed.has(nonce)) continue;
      agreed.add(nonce);
      await office.bus.publish(approvalDecided, { run, step, nonce, digest, approve: true }, { id: nonce, source: "test", actor: "alice" });
    }
  }
}

const acted = /append (intent|outcome|obliged|cleared|asked|decided|waiting)/;

/** Waiting is the same look over and over: being hit in the first tells it all. What is written is hit wherever it is written. */
function notTheSameLookAgain(everywhere: RegExp, looks: number): (point: Point) => boolean {
  const seen = new Map<string, number>();
  return ({ label }) => {
    const times = (seen.get(label) ?? 0) + 1;
    seen.set(label, times);
    return times <= looks || everywhere.test(label);
  };
}

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
