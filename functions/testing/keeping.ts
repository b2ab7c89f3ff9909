import { createHash } from "node:crypto";
import type { SnapshotRecord, Snapshots } from "#adapters/snapshots/port.ts";
import type { Storage } from "#adapters/storage/port.ts";
import { type Clock, DeviceError, type Drill, LightsoutError } from "#events";
import type { Drills } from "../drills.ts";
import type { Errands } from "../errands.ts";
import type { Drift, History } from "../history.ts";
import type { Policy } from "../policy.ts";
import type { Standing } from "../standing.ts";
import { isWholeSnapshot } from "./talos-etcd.ts";

/** Where the fake world keeps snapshots of etcd. Everything may be changed at any time. */
export interface FakeSnapshots extends Snapshots {
  readonly kept: Map<string, { record: SnapshotRecord; bytes: Uint8Array }>;
  /** Why nothing can be read or stored. */
  fails: string | undefined;
  /** What is stored reads back broken. */
  broken: boolean;
  /** How many `prune` keeps. Default 7. */
  keep: number;
}

export function createFakeSnapshots(clock: Clock): FakeSnapshots {
  const fail = (operation: string, effect: "none" | "unknown", why: string) =>
    new DeviceError("LO_SNAPSHOT", { target: "snapshots", operation, effect }, why);
  const newest = () => [...snapshots.kept.values()].map(({ record }) => record).toSorted((a, b) => b.at - a.at);
  const demand = (operation: string, effect: "none" | "unknown" = "none") => {
    if (snapshots.fails !== undefined) throw fail(operation, effect, snapshots.fails);
  };
  const snapshots: FakeSnapshots = {
    kept: new Map(),
    fails: undefined,
    broken: false,
    keep: 7,
    async store(name, given) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of given) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      demand("store", "unknown");
      if (snapshots.broken || !isWholeSnapshot(bytes)) throw fail("store", "none", `${name} is not whole: nothing was kept`);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const known = snapshots.kept.get(name);
      if (known) return known.record;
      const record = { name, bytes: bytes.length, sha256, at: clock.now(), where: `/snapshots/${name}` };
      snapshots.kept.set(name, { record, bytes });
      return record;
    },
    async list() {
      demand("list");
      return newest();
    },
    async *read(name) {
      demand("read");
      const found = snapshots.kept.get(name);
      if (!found) throw fail("read", "none", `there is no snapshot called ${name}`);
      yield found.bytes;
      if (snapshots.broken) throw fail("read", "none", `${name} does not fit its checksum`);
    },
    async prune() {
      demand("prune", "unknown");
      const gone = newest()
        .slice(Math.max(1, snapshots.keep))
        .map(({ name }) => name);
      for (const name of gone) snapshots.kept.delete(name);
      return gone;
    },
  };
  return snapshots;
}

/** The storage that the fake machines carry. */
export interface FakeStorage extends Storage {
  healthy: boolean;
  why: string;
  /** It is asked, and this is thrown. */
  throws: Error | undefined;
}

export function createFakeStorage(): FakeStorage {
  const storage: FakeStorage = {
    healthy: true,
    why: "every volume has all its replicas",
    throws: undefined,
    async health() {
      if (storage.throws) throw storage.throws;
      return { healthy: storage.healthy, why: storage.why };
    },
  };
  return storage;
}

/** A policy whose every part may be set anew at any time. */
export type FakePolicy = { -readonly [Part in keyof Policy]: Policy[Part] };

export const createFakePolicy = (): FakePolicy => ({
  upgrade: { soak: "10m", within: "20m" },
  coldStart: { pools: [], stagger: "10s" },
  drift: { repair: ["labels", "taints"] },
  serving: "approve",
});

/** Drills that were passed, in memory. */
export interface FakeDrills extends Drills {
  readonly passed: Map<string, Omit<Drill, "at">>;
}

export function createFakeDrills(clock: Clock): FakeDrills {
  const passed: FakeDrills["passed"] = new Map();
  return {
    passed,
    now: () => clock.now(),
    async pass(machine, drill) {
      passed.set(machine, drill);
    },
  };
}

/** What was said of the fake machines. */
export interface FakeStanding extends Standing {
  readonly said: Map<string, string>;
}

export function createFakeStanding(): FakeStanding {
  const said: FakeStanding["said"] = new Map();
  return {
    said,
    against: async (machine) => said.get(machine),
  };
}

/** Errands are runs, and a world alone runs nothing. */
export const noErrands: Errands = {
  async ended(_by, emitted) {
    throw new LightsoutError("LO_ERRANDS", `Nobody runs what "${emitted}" starts: the fake world has no worker`, {
      hint: "Give the worker's ports `errands: createErrands(…)`",
    });
  },
  agreed: async () => undefined,
};

/** What happened to fake machines before. */
export interface FakeHistory extends History {
  /** Upgrades that did not come up, by machine. */
  readonly rollbacks: { readonly machine: string; readonly version: string; readonly at: number }[];
  /** Drift that was told, by machine. */
  readonly drifts: Map<string, readonly Drift[]>;
}

export function createFakeHistory(): FakeHistory {
  const rollbacks: { machine: string; version: string; at: number }[] = [];
  const drifts: FakeHistory["drifts"] = new Map();
  return {
    ...{ rollbacks, drifts },
    rolledBack: async (machine) => rollbacks.filter((one) => one.machine === machine),
    drift: async (machine) => drifts.get(machine) ?? [],
  };
}
