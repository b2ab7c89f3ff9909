import { type Entry, journalSubject } from "../journal.ts";
import { createMemoryStore } from "../memory.ts";
import { runIdOf } from "../runtime/accept.ts";
import type { Office } from "../runtime/office.ts";
import type { FunctionSpec, Guard } from "../runtime/spec.ts";
import { createWorker, type Worker } from "../runtime/worker.ts";
import type { EventStore } from "../store.ts";
import { createFakeTime, type FakeClock, type FakeTime } from "./fake-time.ts";
import { createIncarnation, type Incarnation, type Point } from "./incarnation.ts";
import { whenEnded } from "./test-run.ts";

/** What one history starts from. Made afresh for each, so that histories cannot touch each other. */
export interface Scenario<World> {
  /** The world outside: it lives on when workers die. Its clock is never killed, and the store is the one that they share. */
  readonly world: (clock: FakeClock, store: EventStore) => World;
  readonly ports: (world: World, clock: FakeClock) => Readonly<Record<string, unknown>>;
  readonly guards?: (office: Office, world: World) => readonly Guard[];
  readonly data: unknown;
  /** Functions that the workers run too: those that the function hands work to. */
  readonly others?: readonly FunctionSpec[];
  /** A person who answers what is asked: called in every history. */
  readonly meanwhile?: (worker: Worker, run: string, clock: FakeClock) => void;
  /** Default one in memory. */
  readonly store?: (clock: FakeClock) => EventStore | Promise<EventStore>;
  /** Default time that jumps. A store whose answers come from outside this process needs `createScaledTime`. */
  readonly time?: () => FakeTime;
}

export interface History<World> {
  readonly world: World;
  /** Where it was hit; `undefined` for the history without a crash. */
  readonly hit: Point | undefined;
  readonly status: string;
  readonly reason: string | undefined;
  readonly journal: readonly Entry[];
}

export interface HitOptions {
  /** `crash` (default): the worker dies there. `stop`: it freezes there and goes on after its successor has finished. */
  readonly how?: "crash" | "stop";
  /** The wall clock of the successor against the first worker's; default 0. */
  readonly skewMs?: number;
  /** Only points this agrees to; default all. */
  readonly at?: (point: Point) => boolean;
}

/**
 * Runs a function once to list every point where a process can be hit, then once for each point, hit there, with a successor
 * that takes over. `check` looks at the world after each history and throws when it should not be so. Answers the histories.
 */
export async function crashEverywhere<World>(
  spec: FunctionSpec,
  scenario: Scenario<World>,
  check: (history: History<World>) => void,
  options: HitOptions = {},
): Promise<History<World>[]> {
  const points: Point[] = [];
  const whole = await live(spec, scenario, undefined, options, (point) => points.push(point));
  const histories = [whole];
  checked(check, whole);
  for (const point of points.filter(options.at ?? (() => true))) {
    const history = await live(spec, scenario, point, options, () => undefined);
    checked(check, history);
    histories.push(history);
  }
  return histories;
}

function checked<World>(check: (history: History<World>) => void, history: History<World>): void {
  try {
    check(history);
  } catch (error) {
    const where = history.hit ? `hit at point ${history.hit.index}, ${history.hit.label}` : "without a hit";
    throw new Error(`${where} (ended ${history.status}${history.reason ? `: ${history.reason}` : ""}): ${String(error)}`, { cause: error });
  }
}

async function live<World>(
  spec: FunctionSpec,
  scenario: Scenario<World>,
  hit: Point | undefined,
  options: HitOptions,
  seen: (point: Point) => void,
): Promise<History<World>> {
  const time = scenario.time?.() ?? createFakeTime();
  const root = time.clock();
  const store = (await scenario.store?.(root)) ?? createMemoryStore({ clock: root });
  const world = scenario.world(root, store);
  const lives: Incarnation[] = [];

  const spawn = async (first: boolean): Promise<Worker> => {
    const clock = time.clock(first ? {} : { wallOffsetMs: options.skewMs ?? 0 });
    const life = createIncarnation({
      store,
      ports: scenario.ports(world, clock),
      clock,
      onPoint(point, self) {
        if (!first) return;
        if (!hit) seen(point);
        else if (hit.index === point.index) options.how === "stop" ? self.stop() : self.kill();
      },
    });
    lives.push(life);
    const guards: Guard[] = [];
    const worker = createWorker({
      site: "test",
      store: life.store,
      clock,
      functions: [spec, ...(scenario.others ?? [])],
      ports: life.ports,
      guards,
    });
    guards.push(...(scenario.guards?.(worker.office, world) ?? []));
    // A worker hit while it starts never gets through: the scenario goes on without it.
    await Promise.race([worker.start(), root.sleep(1000)]);
    return worker;
  };

  const witness = createWorker({ site: "test", store, clock: root, functions: [], ports: {}, guards: [] });
  const event = { id: "event-1", source: "test" };
  await witness.office.bus.publish(spec.on, scenario.data, event);
  const run = runIdOf("test", spec.id, event.source, event.id);
  const subject = journalSubject(spec.id, run);

  await spawn(true);
  const second = hit ? await spawn(false) : undefined;
  scenario.meanwhile?.(witness, run, root);
  const ended = await whenEnded(store, root, subject, 14 * 86_400_000);
  if (options.how === "stop") {
    lives[0]?.resume();
    // Long enough for whatever the frozen worker still had in hand.
    await root.sleep(60_000);
  }
  // Long enough for the successor to find a run that ended without its epilogue.
  if (second) await root.sleep(60_000);
  await second?.idle();
  const after = await whenEnded(store, root, subject, 0);
  for (const life of lives) life.kill();
  root.kill();
  return { world, hit, status: after.status, reason: ended.reason, journal: after.journal };
}
