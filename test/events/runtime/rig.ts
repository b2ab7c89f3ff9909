import { onTestFinished } from "vitest";
import {
  createMemoryStore,
  createWorker,
  type Entry,
  type EventDefinition,
  type EventStore,
  type FunctionSpec,
  journalSubject,
  readJournal,
  runIdOf,
  type Worker,
  type WorkerOptions,
} from "#events";
import { createFakeTime, createIncarnation, type FakeClock, type FakeTime, line } from "#events/testing/mod.ts";
import { type Box, type BoxFaults, createBox } from "./toy.ts";

/** Workers on one store and one time, each of which can be killed, frozen or stopped. */
export interface Rig {
  readonly time: FakeTime;
  /** The world's own clock: sleep on it to let time pass. */
  readonly clock: FakeClock;
  readonly store: EventStore;
  readonly box: Box;
  /** Starts a worker. Its functions are given the box as their only port. */
  spawn(options: { functions: readonly FunctionSpec[]; clock?: FakeClock; store?: EventStore } & Partial<WorkerOptions>): Promise<Life>;
  /** Stores an event and answers the id it was given. */
  send<Data>(event: EventDefinition<string, Data>, data: Data, about?: { id?: string; actor?: string; time?: string }): Promise<string>;
  run(spec: FunctionSpec, eventId: string): string;
  entries(spec: FunctionSpec, eventId: string): Promise<Entry[]>;
  lines(spec: FunctionSpec, eventId: string): Promise<string[]>;
  /** Lets time pass until `seen` answers something; fails after `limitMs` (default one day). */
  until<Seen>(seen: () => Promise<Seen | undefined | false> | Seen | undefined | false, limitMs?: number): Promise<Seen>;
  /** Lets time pass until the run's journal holds such a line. */
  untilLine(spec: FunctionSpec, eventId: string, part: string): Promise<void>;
}

export interface Life {
  readonly worker: Worker;
  readonly clock: FakeClock;
  /** The process dies. */
  kill(): void;
  /** The process stands still. */
  freeze(): void;
  thaw(): void;
}

export function createRig(options: { faults?: BoxFaults; wrap?: (store: EventStore, clock: FakeClock) => EventStore } = {}): Rig {
  const time = createFakeTime();
  const clock = time.clock();
  const memory = createMemoryStore({ clock });
  const store = options.wrap?.(memory, clock) ?? memory;
  const box = createBox(clock, options.faults);
  const witness = createWorker({ site: "test", store: memory, clock, functions: [], ports: {}, guards: [] });
  const lives: { kill(): void }[] = [clock];
  onTestFinished(() => {
    for (const life of lives) life.kill();
  });
  let sent = 0;
  const run = (spec: FunctionSpec, eventId: string) => runIdOf("test", spec.id, "test", eventId);
  const entries = async (spec: FunctionSpec, eventId: string) =>
    (await readJournal(memory, journalSubject(spec.id, run(spec, eventId)))).entries;
  const lines = async (spec: FunctionSpec, eventId: string) => (await entries(spec, eventId)).map(line);

  const rig: Rig = {
    time,
    clock,
    store: memory,
    box,
    async spawn({ clock: own = time.clock(), store: through = store, ...rest }) {
      const ports = { box: box.port, ...rest.ports };
      const life = createIncarnation({ store: through, ports, clock: own, onPoint: () => undefined });
      lives.push(life);
      const worker = createWorker({ site: "test", guards: [], ...rest, store: life.store, clock: own, ports: life.ports });
      await worker.start();
      return { worker, clock: own, kill: life.kill, freeze: life.stop, thaw: life.resume };
    },
    async send(event, data, { id = `event-${++sent}`, actor, time: dated } = {}) {
      await witness.office.bus.publish(event, data, { id, source: "test", actor, time: dated });
      return id;
    },
    run,
    entries,
    lines,
    async until(seen, limitMs = 86_400_000) {
      const end = clock.mono() + limitMs;
      for (;;) {
        const found = await seen();
        if (found) return found;
        if (clock.mono() >= end) throw new Error(`not seen within ${limitMs} ms: ${seen}`);
        await clock.sleep(250);
      }
    },
    async untilLine(spec, eventId, part) {
      await rig.until(async () => (await lines(spec, eventId)).some((one) => one.includes(part)));
    },
  };
  return rig;
}

/** A store whose calls pass through `around`, which may fail before or after them. */
export function storeThrough(
  store: EventStore,
  around: <Result>(call: string, data: unknown, work: () => Promise<Result>) => Promise<Result>,
): EventStore {
  const { log, kv } = store;
  return {
    ...store,
    log: {
      ...log,
      append: (stream, subject, data, how) => around(`append ${stream}`, data, () => log.append(stream, subject, data, how)),
      read: (stream, ...rest) => around(`read ${stream}`, undefined, () => log.read(stream, ...rest)),
      last: (stream, ...rest) => around(`last ${stream}`, undefined, () => log.last(stream, ...rest)),
      position: (stream) => around(`position ${stream}`, undefined, () => log.position(stream)),
    },
    kv: {
      ...kv,
      get: (bucket, key) => around(`get ${bucket}`, undefined, () => kv.get(bucket, key)),
      put: (bucket, key, value, revision) => around(`put ${bucket}`, value, () => kv.put(bucket, key, value, revision)),
      delete: (bucket, key, revision) => around(`delete ${bucket}`, undefined, () => kv.delete(bucket, key, revision)),
      list: (bucket) => around(`list ${bucket}`, undefined, () => kv.list(bucket)),
    },
  };
}
