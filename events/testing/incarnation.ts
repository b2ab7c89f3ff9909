import type { EventStore, Stop } from "../store.ts";
import type { FakeClock } from "./fake-time.ts";

/** A place where a process can be hit: just before a call leaves it, or after the call was carried out and before its answer arrives. */
export interface Point {
  readonly index: number;
  /** Such as `"before journal.append intent"` or `"after power.off"`. */
  readonly label: string;
}

/**
 * One life of a worker process, seen from its calls to the store and the ports. It can be killed (no call leaves, no answer arrives, no timer fires,
 * ever again) or stopped and resumed (the same, for a while) at any point.
 */
export interface Incarnation {
  readonly store: EventStore;
  readonly ports: Readonly<Record<string, unknown>>;
  readonly clock: FakeClock;
  kill(): void;
  stop(): void;
  resume(): void;
}

/** @param onPoint is called at every point, in order; it may kill or stop the incarnation there */
export function createIncarnation(options: {
  store: EventStore;
  ports: Readonly<Record<string, unknown>>;
  clock: FakeClock;
  onPoint: (point: Point, self: Incarnation) => void;
}): Incarnation {
  const { store, clock, onPoint } = options;
  let state: "live" | "stopped" | "dead" = "live";
  let index = 0;
  let waiting: (() => void)[] = [];
  const subscriptions: Stop[] = [];
  const consumers: { open(): Promise<Stop>; stop: Stop }[] = [];

  /** Passes at once while live, when it is resumed while stopped, never once dead. */
  const live = async (): Promise<void> => {
    while (state !== "live") {
      await new Promise<void>((resolve) => {
        if (state === "stopped") waiting.push(resolve);
      });
    }
  };
  const point = async (label: string) => {
    onPoint({ index: index++, label }, self);
    await live();
  };
  const call = async <Result>(label: string, work: () => Promise<Result>): Promise<Result> => {
    await point(`before ${label}`);
    try {
      return await work();
    } finally {
      await point(`after ${label}`);
    }
  };
  const read = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    await live();
    try {
      return await work();
    } finally {
      await live();
    }
  };
  const subscribe = async (open: Promise<Stop>): Promise<Stop> => {
    const stop = await open;
    subscriptions.push(stop);
    return stop;
  };

  const { log, kv } = store;
  const self: Incarnation = {
    clock,
    store: {
      kind: store.kind,
      log: {
        append: (stream, subject, data, how) => call(`${stream}.append${factOf(data)}`, () => log.append(stream, subject, data, how)),
        read: (...args) => read(() => log.read(...args)),
        last: (...args) => read(() => log.last(...args)),
        position: (...args) => read(() => log.position(...args)),
        subjects: (...args) => read(() => log.subjects(...args)),
        purge: (...args) => read(() => log.purge(...args)),
        follow: (stream, filter, after, onRecord) =>
          subscribe(log.follow(stream, filter, after, (record) => void live().then(() => onRecord(record)))),
        consume: async (stream, filter, name, handle) => {
          const open = () => log.consume(stream, filter, name, (record) => read(() => handle(record)));
          const consumer = { open, stop: await open() };
          consumers.push(consumer);
          return subscribe(Promise.resolve(() => consumer.stop()));
        },
      },
      kv: {
        get: (...args) => read(() => kv.get(...args)),
        list: (...args) => read(() => kv.list(...args)),
        put: (bucket, ...args) =>
          quiet.has(bucket) ? read(() => kv.put(bucket, ...args)) : call(`${bucket}.put`, () => kv.put(bucket, ...args)),
        delete: (bucket, ...args) =>
          quiet.has(bucket) ? read(() => kv.delete(bucket, ...args)) : call(`${bucket}.delete`, () => kv.delete(bucket, ...args)),
        watch: (bucket, onChange) => subscribe(kv.watch(bucket, (key) => void live().then(() => onChange(key)))),
      },
      health: () => read(() => store.health()),
      close: async () => undefined,
    },
    ports: Object.fromEntries(Object.entries(options.ports).map(([name, port]) => [name, wrapped(name, port, call)])),
    kill() {
      state = "dead";
      clock.kill();
      for (const stop of subscriptions) void stop();
    },
    stop() {
      state = "stopped";
      clock.stop();
      // A store takes back what a silent consumer has not settled.
      for (const consumer of consumers) void consumer.stop();
    },
    resume() {
      if (state !== "stopped") return;
      state = "live";
      clock.resume();
      for (const consumer of consumers) void consumer.open().then((stop) => Object.assign(consumer, { stop }));
      const resumed = waiting;
      waiting = [];
      for (const go of resumed) go();
    },
  };
  return self;
}

/** Heartbeats and the index of runs are not what a run rests on: being hit there is being hit next door. */
const quiet = new Set(["leases", "runs"]);

const factOf = (data: unknown): string => {
  const fact = data as { is?: string; type?: string } | null;
  return fact?.is ? ` ${fact.is}` : fact?.type ? ` ${fact.type}` : "";
};

type Call = <Result>(label: string, work: () => Promise<Result>) => Promise<Result>;

/** A port whose asynchronous calls pass through points; its parts and what it answers synchronously are wrapped in turn. */
function wrapped(name: string, port: unknown, call: Call): unknown {
  if (typeof port !== "object" || port === null) return port;
  return new Proxy(port, {
    get(target, property, receiver) {
      const value = Reflect.get(target, property, receiver);
      const label = `${name}.${String(property)}`;
      if (typeof value !== "function") return isPart(value) ? wrapped(label, value, call) : value;
      return (...args: unknown[]) => {
        if (isAsync(value)) return call(label, () => value.apply(target, args));
        const answer = value.apply(target, args);
        if (!(answer instanceof Promise)) return wrapped(label, answer, call);
        // It may have failed before its point is passed.
        answer.catch(() => undefined);
        return call(label, () => answer);
      };
    },
  });
}

/** Part of a port, such as `talos.of(…).etcd`, and not data. */
const isPart = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.values(value).some((one) => typeof one === "function");
const isAsync = (work: unknown): boolean => typeof work === "function" && work.constructor.name === "AsyncFunction";
