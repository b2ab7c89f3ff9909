import { expect, test } from "vitest";
import {
  approvalDecided,
  approvalRequested,
  type Clock,
  createMemoryStore,
  type EventStore,
  type FunctionSpec,
  type Worker,
} from "#events";
import { createIncidents } from "#events/incidents.ts";
import { createLedger } from "#events/ledger.ts";
import { type BmcFaults, crashEverywhere, createFakeWorld, type FakeWorld, type History, type Point } from "#functions/testing/mod.ts";
import { guardsOf } from "./rig.ts";

export const machine = "gpu-02";

/** What BMCs are like. */
export const devices = {
  honest: {},
  slow: { latencyMs: 20_000, transitional: true },
  "answer-losing": { losesAnswers: true },
  lying: { latencyMs: 4000, reportsEarly: true },
  deaf: { ignores: 1 },
} as const satisfies Record<string, Partial<BmcFaults>>;

export interface Story {
  readonly spec: FunctionSpec;
  /** What sets it apart from another story of the same function. */
  readonly where?: string;
  readonly data: unknown;
  readonly prepare?: (world: FakeWorld) => void;
  /** What people do while it runs. */
  readonly meanwhile?: typeof agreeing;
  /** The power in the end, when all went well. */
  readonly ends: "on" | "off";
  /** What may be sent at most. */
  readonly off: number;
  readonly on: number;
}

interface Scene {
  readonly world: FakeWorld;
  readonly store: EventStore;
}

/** Hits the story's worker at every point, with each of these devices, and looks at what became of the machine. */
export function tellEverywhere(
  story: Story,
  told: readonly (readonly [keyof typeof devices, "crash" | "stop", unhit?: "ok" | "parked"])[],
): void {
  for (const [device, how, unhit = "ok"] of told) {
    test(`${story.spec.id}${story.where ? ` ${story.where}` : ""}, ${device} BMC, worker ${how === "crash" ? "killed" : "stopped"} everywhere: at most once, nothing left without a word`, {
      timeout: 60_000,
    }, async () => {
      const histories = await everywhere(story, devices[device], how);
      expect(histories[0]?.status).toBe(unhit);
      expect(histories.length).toBeGreaterThan(20);
      // A device that took a request and did nothing is asked once more, when it was seen that nothing had happened.
      for (const history of histories) await check(story, history, device === "deaf" ? 1 : 0);
    });
  }
}

async function everywhere(
  { spec, data, prepare, meanwhile }: Story,
  faults: Partial<BmcFaults>,
  how: "crash" | "stop",
): Promise<History<Scene>[]> {
  return crashEverywhere<Scene>(
    spec,
    {
      async store(clock) {
        const store = createMemoryStore({ clock });
        await createIncidents(store).open(machine, "seen to go", clock.now());
        return store;
      },
      world(clock, store) {
        const world = createFakeWorld(clock, { machines: ["gpu-01", machine, "gpu-03"], patience: "60s" });
        const box = world.machine(machine);
        Object.assign(box.bmc, faults);
        box.pods = [{ name: "train-0", owner: "StatefulSet/train" }];
        box.volumes = ["pvc-1"];
        world.api.drainMs = 2000;
        prepare?.(world);
        return { world, store };
      },
      ports: ({ world }) => ({ ...world.ports }),
      guards: (office, { world }) => guardsOf(office, world),
      data,
      ...(meanwhile && { meanwhile }),
    },
    () => undefined,
    { how, at: notTheSameLookAgain() },
  );
}

/** Waiting is the same look over and over: being hit in the first `most` tells it all. What is `always` hit is hit wherever it is written. */
export function notTheSameLookAgain(most = 5, always = /append/): (point: Point) => boolean {
  const seen = new Map<string, number>();
  return ({ label }) => {
    const times = (seen.get(label) ?? 0) + 1;
    seen.set(label, times);
    return times <= most || always.test(label);
  };
}

/** A person who agrees to whatever the run asks. */
export async function agreeing({ office: { bus } }: Worker, run: string, clock: Clock): Promise<void> {
  for (const agreed = new Set<string>(); ; await clock.sleep(10_000)) {
    for (const { event } of await bus.since(approvalRequested, run, 0)) {
      const { step, nonce, digest } = event.data;
      if (agreed.has(nonce)) continue;
      agreed.add(nonce);
      await bus.publish(approvalDecided, { run, step, nonce, digest, approve: true }, { id: nonce, source: "test", actor: "alice" });
    }
  }
}

async function check(story: Story, { world: { world, store }, status, reason, hit }: History<Scene>, again: number): Promise<void> {
  const where = `hit ${hit?.label ?? "nowhere"}, ended ${status}: ${reason}`;
  const box = world.machine(machine);
  const sent = (...verbs: string[]) => box.writes.filter((write) => verbs.includes(write.verb)).length;
  expect(sent("power-off", "force-off") + box.did.shutdown, where).toBeLessThanOrEqual(story.off + again);
  expect(sent("power-on"), where).toBeLessThanOrEqual(story.on + again);
  expect(world.violations(), where).toEqual([]);
  for (const other of ["gpu-01", "gpu-03"]) expect(world.machine(other).writes, where).toEqual([]);

  const ledger = await createLedger(store).of(machine);
  if (status !== "ok") {
    expect(["parked", "failed", "refused"], where).toContain(status);
    expect(reason, where).toBeTruthy();
    const marked = box.node.unschedulable || box.node.taintedAt !== undefined;
    if (status !== "parked" && marked) expect(ledger.quarantine?.reason, where).toBeTruthy();
    return;
  }
  const keeps = story.ends === "off" ? ["cordon"] : [];
  expect(box.asked() ?? box.power(), where).toBe(story.ends);
  expect(box.node.taintedAt, where).toBeUndefined();
  expect(ledger.quarantine ?? ledger.unsettled, where).toBeUndefined();
  expect(ledger.left?.obligations.map((open) => open.kind) ?? [], where).toEqual(keeps);
  expect(box.node.unschedulable, where).toBe(keeps.length > 0);
}
