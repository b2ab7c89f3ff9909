import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readEvent } from "#adapters/os/talos/events.ts";
import * as wire from "#adapters/os/talos/gen/events_pb.ts";
import { unpackKubeconfig } from "#adapters/os/talos/kubeconfig.ts";
import { judgeFact } from "#adapters/os/talos/sequence.ts";
import { amount, flag, items, parseSpec, record, strings, text } from "#adapters/os/talos/spec.ts";
import { parseTag, since } from "#adapters/os/talos/versions.ts";
import { packKubeconfig } from "#test/lab/talos-kubeconfig.ts";

const types = Object.values(wire).flatMap((schema) => (typeof schema === "object" && "typeName" in schema ? [schema.typeName] : []));

const event = (typeUrl: string, value: Uint8Array) => readEvent({ id: "c1", actorId: "a1", data: { typeUrl, value } as never }).fact;

describe("events", () => {
  const pack = (schema: Parameters<typeof create>[0], message: Record<string, unknown>) =>
    event(`talos/runtime/${schema.typeName}`, toBinary(schema, create(schema, message)));

  test("each type is told in our words", () => {
    expect(pack(wire.SequenceEventSchema, { sequence: "reboot", action: 0, error: { code: 1, message: "sequence is locked" } })).toEqual({
      kind: "sequence",
      sequence: "reboot",
      action: "noop",
      error: { code: "locked", message: "sequence is locked" },
    });
    expect(pack(wire.SequenceEventSchema, { sequence: "boot", action: 2 })).toEqual({ kind: "sequence", sequence: "boot", action: "stop" });
    expect(pack(wire.SequenceEventSchema, { sequence: "boot", error: { code: 0, message: "x" } })).toMatchObject({
      error: { code: "fatal" },
    });
    expect(pack(wire.SequenceEventSchema, { sequence: "boot", error: { code: 2, message: "x" } })).toMatchObject({
      error: { code: "canceled" },
    });
    expect(pack(wire.PhaseEventSchema, { phase: "drain", action: 0 })).toEqual({ kind: "phase", phase: "drain", action: "start" });
    expect(pack(wire.TaskEventSchema, { task: "runningMaintenance", action: 1 })).toEqual({
      kind: "task",
      task: "runningMaintenance",
      action: "stop",
    });
    expect(pack(wire.ServiceStateEventSchema, { service: "etcd", action: 6, message: "no" })).toEqual({
      kind: "service",
      service: "etcd",
      state: "failed",
      message: "no",
    });
    expect(pack(wire.AddressEventSchema, { hostname: "m1", addresses: ["10.0.0.1"] })).toEqual({
      kind: "addresses",
      hostname: "m1",
      addresses: ["10.0.0.1"],
    });
    expect(pack(wire.ConfigLoadErrorEventSchema, { error: "404" })).toEqual({ kind: "config-error", message: "404" });
    expect(pack(wire.ConfigValidationErrorEventSchema, { error: "bad" })).toEqual({ kind: "config-error", message: "bad" });
    expect(
      pack(wire.MachineStatusEventSchema, {
        stage: 6,
        status: { ready: false, unmetConditions: [{ name: "time", reason: "not in sync" }] },
      }),
    ).toEqual({
      kind: "status",
      status: { stage: "shutting-down", ready: false, unmet: [{ name: "time", reason: "not in sync" }] },
    });
  });

  test.each([
    [19088743n, "restart"],
    [1163412803n, "kexec"],
    [1126301404n, "power-off"],
    [3454992675n, "halt"],
    [-839974621n, "halt"],
    [7n, "other"],
  ])("reboot command %s is %s", (cmd, how) => {
    expect(pack(wire.RestartEventSchema, { cmd })).toEqual({ kind: "restart", how });
  });

  test("the type is what stands after the last slash; an unknown one is named, a stage we do not know is unknown", () => {
    const value = toBinary(wire.TaskEventSchema, create(wire.TaskEventSchema, { task: "t" }));
    expect(event("type.googleapis.com/machine.TaskEvent", value)).toMatchObject({ kind: "task" });
    expect(event("talos/runtime/machine.NewEvent", value)).toEqual({ kind: "other", type: "machine.NewEvent" });
    expect(event("constructor", value)).toEqual({ kind: "other", type: "constructor" });
    expect(pack(wire.MachineStatusEventSchema, { stage: 99 as never })).toMatchObject({ status: { stage: "unknown", ready: false } });
  });

  test("any bytes under any name are an event", () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...types), fc.string()), fc.uint8Array({ maxLength: 200 }), (type, value) => {
        const fact = event(`talos/runtime/${type}`, value);
        expect(typeof fact.kind).toBe("string");
        judgeFact(fact);
      }),
      { numRuns: 500 },
    );
  });
});

test("specs survive anything, keep numbers as they are written, and expand no aliases", () => {
  expect(parseSpec('serial: 0012\nwwid: 1e3\nflag: true\nsize: 480103981056\nnone: null\nlist: [a, "", b]')).toEqual({
    serial: "0012",
    wwid: "1e3",
    flag: "true",
    size: "480103981056",
    none: "null",
    list: ["a", "", "b"],
  });
  expect(parseSpec("a: &a [x]\nb: [*a, *a]")).toBeUndefined();
  for (const none of ["", "- a", "a: [", "just text", "\0"]) expect(parseSpec(none)).toBeUndefined();
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.dictionary(fc.string(), fc.string()).map((lines) =>
          Object.entries(lines)
            .map((pair) => pair.join(": "))
            .join("\n"),
        ),
      ),
      (yaml) => {
        for (const value of Object.values(parseSpec(yaml) ?? {})) {
          for (const read of [text, flag, amount, items, strings, record]) read(value);
          expect(amount(value)).toBeGreaterThanOrEqual(0);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("a kubeconfig comes out of its archive, and out of nothing else", () => {
  const long = "x".repeat(2000);
  expect(unpackKubeconfig(packKubeconfig(long))).toBe(long);
  expect(unpackKubeconfig(packKubeconfig("x", "./kubeconfig"))).toBe("x");
  expect(unpackKubeconfig(packKubeconfig("x", "other"))).toBeUndefined();
  expect(unpackKubeconfig(packKubeconfig(""))).toBeUndefined();
  // A few kilobytes that would unpack to hundreds of megabytes.
  expect(unpackKubeconfig(packKubeconfig("\0".repeat(4 * 1024 * 1024)))).toBeUndefined();
  const archive = packKubeconfig("apiVersion: v1\n");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.nat(archive.length).map((at) => archive.subarray(0, at)),
      ),
      (bytes) => {
        const found = unpackKubeconfig(bytes);
        expect(found === undefined || found === "apiVersion: v1\n").toBe(true);
      },
    ),
  );
});

test("versions are compared by major and minor, and what is none has nothing", () => {
  expect(parseTag("v1.14.0-rc.1")).toEqual({ major: 1, minor: 14 });
  expect([since("v1.13.9", 13), since("v1.14.0-alpha.1", 14), since("v2.0.0", 14), since("v1.9.6", 10), since("v1.10.0", 9)]).toEqual([
    true,
    true,
    true,
    false,
    true,
  ]);
  for (const none of ["", "latest", "v1", "v1.13", "vv1.1.1", "v99999999999.1.1"]) expect(parseTag(none)).toBeUndefined();
});
