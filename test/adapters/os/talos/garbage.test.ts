import { createSecureServer, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Talos } from "#adapters/os/port.ts";
import { GetResponseSchema } from "#adapters/os/talos/gen/cosi_pb.ts";
import { VersionResponseSchema } from "#adapters/os/talos/gen/machine_pb.ts";
import { createTalos } from "#adapters/os/talos/mod.ts";
import { type ActVerb, DeviceError, effectOf, systemClock, UnsupportedError } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import { authority, collect, rejection } from "./rig.ts";

interface Reply {
  status: number;
  type: string | undefined;
  chunks: Uint8Array[];
  trailers: Record<string, string> | undefined;
}

/** Something that has a certificate of our cluster and says what it is told to. */
async function speaker() {
  let reply: (path: string) => Reply = () => ok(new Uint8Array());
  const server = createSecureServer({ ...authority.server("m1"), ca: authority.ca, requestCert: true });
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session.on("error", () => undefined)));
  server.on("stream", (stream, headers: IncomingHttpHeaders) => {
    stream.on("error", () => undefined);
    const { status, type, chunks, trailers } = reply(String(headers[":path"]));
    const head: OutgoingHttpHeaders = { ":status": status, ...(type === undefined ? {} : { "content-type": type }) };
    stream.respond(head, trailers ? { waitForTrailers: true } : {});
    if (trailers) stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const talos = createTalos({
    talosconfig: { text: authority.talosconfig(["os:admin"]) },
    addressOf: () => ({ host: "127.0.0.1", port: (server.address() as AddressInfo).port }),
    clock: systemClock,
    timeouts: { connect: 5000, call: 5000, long: 5000 },
  });
  onTestFinished(async () => {
    await talos.close();
    for (const session of sessions) session.destroy();
    server.close();
  });
  return {
    machine: talos.of("m1"),
    says(next: (path: string) => Reply) {
      reply = next;
    },
  };
}

/** A message in gRPC's frame. */
function frame(message: Uint8Array, length = message.length, flags = 0): Uint8Array {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

const ok = (message: Uint8Array): Reply => ({
  status: 200,
  type: "application/grpc",
  chunks: [frame(message)],
  trailers: { "grpc-status": "0" },
});

const reads: [string, (talos: Talos) => Promise<unknown>][] = [
  ["version", (talos) => talos.version()],
  ["boot id", (talos) => talos.bootId()],
  ["schematic", (talos) => talos.schematic()],
  ["status", (talos) => talos.status()],
  ["system", (talos) => talos.system()],
  ["disks", (talos) => talos.disks()],
  ["members", (talos) => talos.members()],
  ["dmesg", (talos) => collect(talos.dmesg())],
  ["events", (talos) => collect(talos.events())],
  ["follow", (talos) => talos.follow("a")],
  ["kubeconfig", (talos) => talos.kubeconfig()],
  ["etcd members", (talos) => talos.etcd.members()],
  ["etcd status", (talos) => talos.etcd.status()],
  ["etcd alarms", (talos) => talos.etcd.alarms()],
  ["snapshot", (talos) => collect(talos.etcd.snapshot())],
  ["pull", (talos) => talos.pullImage("i")],
];

const permit = (verb: ActVerb) =>
  mintPermit({ run: "r", step: "s", attempt: 1, machine: "m1", verb, gate() {}, signal: new AbortController().signal });

const acts: [string, (talos: Talos) => Promise<unknown>][] = [
  ["reboot", (talos) => talos.reboot(permit("os-reboot"), "default")],
  ["apply", (talos) => talos.applyConfiguration(permit("apply-config"), "machine: {}", { mode: "auto" })],
  ["bootstrap", (talos) => talos.bootstrap(permit("bootstrap"))],
  ["upgrade", (talos) => talos.upgrade(permit("upgrade"), "i")],
];

const anything = fc.record<Reply>({
  status: fc.constantFrom(200, 200, 200, 204, 401, 404, 503),
  type: fc.constantFrom("application/grpc", "application/grpc", "application/grpc+proto", "text/html", undefined),
  chunks: fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => frame(bytes)),
      fc
        .tuple(fc.uint8Array({ maxLength: 10 }), fc.constantFrom(0, 5, 0x7fffffff), fc.constantFrom(0, 1, 128))
        .map(([bytes, length, flags]) => frame(bytes, length, flags)),
    ),
    { maxLength: 3 },
  ),
  trailers: fc.option(
    fc.record({
      "grpc-status": fc.constantFrom("0", "0", "1", "2", "13", "14", "99", "-1", "x", ""),
      "grpc-message": fc.constantFrom("", "no", "%E0%A4%A"),
    }),
    { nil: undefined },
  ),
});

const known = (error: unknown) => error instanceof DeviceError || error instanceof UnsupportedError;

test("whatever answers, a read ends with a value or a known error without effect", async () => {
  const { machine, says } = await speaker();
  const asked = fc.constantFrom(...reads);
  await fc.assert(
    fc.asyncProperty(asked, anything, async ([, read], reply) => {
      says(() => reply);
      const failed = await read(machine).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failed !== undefined) expect(known(failed) && effectOf(failed) === "none").toBe(true);
    }),
    { numRuns: 300 },
  );
});

describe("an act", () => {
  const version = toBinary(VersionResponseSchema, create(VersionResponseSchema, { messages: [{ version: { tag: "v1.13.9" } }] }));
  const resource = toBinary(GetResponseSchema, create(GetResponseSchema, { resource: { spec: { yamlSpec: "uuid: ''" } } }));
  /** Answers well what belongs to an act, and as told what the act itself asks. */
  const onlyTheAct = (reply: Reply) => (path: string) =>
    path.endsWith("/Version") ? ok(version) : path.endsWith("/Get") ? ok(resource) : reply;

  test("that is answered with nonsense has an unknown effect, never none and never success by accident", async () => {
    const { machine, says } = await speaker();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...acts), anything, async ([, act], reply) => {
        says(onlyTheAct(reply));
        const failed = await act(machine).then(
          () => undefined,
          (error: unknown) => error,
        );
        const honest = reply.status === 200 && reply.trailers?.["grpc-status"] === "0" && reply.type?.startsWith("application/grpc");
        if (failed === undefined) expect(honest).toBe(true);
        else expect(known(failed) && effectOf(failed) === "unknown").toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    ["1", "unknown"],
    ["2", "unknown"],
    ["3", "none"],
    ["4", "unknown"],
    ["5", "none"],
    ["6", "none"],
    ["7", "none"],
    ["8", "unknown"],
    ["9", "none"],
    ["10", "unknown"],
    ["11", "unknown"],
    ["12", "none"],
    ["13", "unknown"],
    ["14", "unknown"],
    ["15", "unknown"],
    ["16", "none"],
  ])("that is answered with status %s has the effect %s", async (status, effect) => {
    const { machine, says } = await speaker();
    says(onlyTheAct({ status: 200, type: "application/grpc", chunks: [], trailers: { "grpc-status": status, "grpc-message": "so" } }));
    const error = await rejection(machine.reboot(permit("os-reboot"), "default"));
    expect(known(error)).toBe(true);
    expect(effectOf(error)).toBe(effect);
    expect(String(error)).toContain("so");
  });
});

test("an error that a forwarding machine has wrapped into the message is an error", async () => {
  const { machine, says } = await speaker();
  const wrapped = (code: number) =>
    toBinary(
      VersionResponseSchema,
      create(VersionResponseSchema, { messages: [{ metadata: { error: "no request forwarding", status: { code } } }] }),
    );
  says(() => ok(wrapped(7)));
  expect(await rejection(machine.version())).toMatchObject({
    code: "LO_TALOS_AUTH",
    message: expect.stringContaining("no request forwarding"),
  });
  says(() => ok(wrapped(0)));
  expect(await rejection(machine.version())).toMatchObject({ code: expect.stringMatching(/^LO_TALOS_/) });
});

test("a version that is none and a boot id that is none are not believed", async () => {
  const { machine, says } = await speaker();
  const tagged = (tag: string) => toBinary(VersionResponseSchema, create(VersionResponseSchema, { messages: [{ version: { tag } }] }));
  says(() => ok(tagged("latest")));
  expect(await rejection(machine.version())).toMatchObject({
    code: "LO_TALOS_PROTOCOL",
    message: 'm1: version: it is "latest", which is no version',
  });
  says((path) => (path.endsWith("/Version") ? ok(tagged("v1.13.9")) : ok(new Uint8Array())));
  expect(await rejection(machine.bootId())).toMatchObject({
    code: "LO_TALOS_PROTOCOL",
    message: "m1: boot id: the machine answered nothing, which is no boot id",
  });
});

test("a message of 32 MiB is taken, a longer one is not", async () => {
  const { machine, says } = await speaker();
  const tagged = toBinary(VersionResponseSchema, create(VersionResponseSchema, { messages: [{ version: { tag: "v1.13.9" } }] }));
  // An unknown field, 15, of the wanted length.
  const padded = (total: number) => {
    const rest = total - tagged.length - 5;
    const length = [0, 7, 14, 21].map((shift, index) => ((rest >> shift) & 0x7f) | (index < 3 ? 0x80 : 0));
    return Buffer.concat([tagged, Buffer.from([0x7a, ...length]), Buffer.alloc(rest)]);
  };
  const most = 32 * 1024 * 1024;
  says(() => ok(padded(most)));
  expect((await machine.version()).tag).toBe("v1.13.9");
  says(() => ok(padded(most + 1)));
  expect(await rejection(machine.version())).toMatchObject({ code: "LO_TALOS_PROTOCOL" });
});
