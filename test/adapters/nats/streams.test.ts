import { DiscardPolicy, JetStreamApiError, RetentionPolicy, StorageType, type StreamConfig } from "@nats-io/jetstream";
import { expect, test } from "vitest";
import type { Link } from "#adapters/nats/link.ts";
import { checkServer, checkStream, ensureStreams } from "#adapters/nats/streams.ts";
import { createFakeTime } from "#functions/testing/mod.ts";

test("replicas need a server whose compare-and-set has one winner", () => {
  for (const old of ["2.9.10", "2.9.25", "2.10.0", "2.10.19", "1.4.1", ""]) {
    expect(() => checkServer("nats a", old, 3), old).toThrow(/lets several writers win/);
    expect(() => checkServer("nats a", old, 1), old).not.toThrow();
  }
  for (const good of ["2.10.20", "2.10.27", "2.11.0", "2.15.2", "2.12.0-preview.1", "3.0.0"]) {
    expect(() => checkServer("nats a", good, 3), good).not.toThrow();
  }
});

const journal = {
  name: "J",
  subjects: ["lightsout.lab.jrn.>"],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  max_age: 0,
  max_msgs: -1,
  max_bytes: -1,
  max_msgs_per_subject: -1,
  duplicate_window: 120_000_000_000,
  num_replicas: 1,
};

test.each([
  [{ max_age: 1 }, "max_age is 1, must be 0"],
  [{ retention: RetentionPolicy.Workqueue }, 'retention is "workqueue", must be limits'],
  [{ storage: StorageType.Memory }, 'storage is "memory", must be file'],
  [{ max_msgs_per_subject: 1 }, "max_msgs_per_subject is 1"],
  [{ max_bytes: 1_000, discard: DiscardPolicy.Old }, 'discard is "old", must be new'],
  [{ subjects: ["other"] }, 'subjects is ["other"]'],
  [{ duplicate_window: 1 }, "duplicate_window is 1"],
  [{ deny_purge: true }, "deny_purge is true"],
])("a journal with %j is refused", (change, why) => {
  expect(() => checkStream("nats a", { ...journal, ...change }, journal)).toThrow(why);
});

test("a journal that is limited in size and says so when full is taken", () => {
  expect(() => checkStream("nats a", { ...journal, max_bytes: 1_000, num_replicas: 3 }, journal)).not.toThrow();
});

test("servers that have just elected may not know of a stream that was created: it is looked for again", async () => {
  const known = new Map<string, { asked: number; config: Partial<StreamConfig> }>();
  const info = async (name: string) => {
    const stream = known.get(name);
    if (stream) stream.asked += 1;
    if (stream && stream.asked > 1) return { config: stream.config };
    throw new JetStreamApiError({ code: 404, err_code: 10059, description: "stream not found" });
  };
  const add = async (config: Partial<StreamConfig>) => {
    const name = config.name ?? "";
    known.set(name, { asked: known.get(name)?.asked ?? 0, config });
  };
  const link = {
    where: "here",
    clock: createFakeTime().clock(),
    closing: new AbortController().signal,
    nc: { info: { version: "2.15.2" } },
    jsm: { streams: { info, add } },
    ask: (_what: string, call: () => Promise<unknown>) => call(),
  };
  await ensureStreams(link as unknown as Link, "lab", 3);
  expect([...known.values()].map(({ asked }) => asked)).toEqual([2, 2, 2]);
});
