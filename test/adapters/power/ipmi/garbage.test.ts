import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deriveKeys, seal, suites, unseal } from "#adapters/power/ipmi/algorithms.ts";
import {
  coldReset,
  getCipherSuites,
  getDeviceId,
  getSystemGuid,
  parseCipherSuites,
  setSessionPrivilege,
} from "#adapters/power/ipmi/commands/app.ts";
import { getBootFlags, inForce, setBootFlags } from "#adapters/power/ipmi/commands/boot.ts";
import { chassisControl, chassisIdentify, getChassisStatus } from "#adapters/power/ipmi/commands/chassis.ts";
import type { Command } from "#adapters/power/ipmi/commands/command.ts";
import { getPowerReading } from "#adapters/power/ipmi/commands/dcmi.ts";
import { areaLength, fruAreas, fruFields, getFruInfo, readFru, readFruData } from "#adapters/power/ipmi/commands/fru.ts";
import { getSelEntry, getSelInfo, lastPowerEvent, readSelRecord } from "#adapters/power/ipmi/commands/sel.ts";
import { contradiction, readGuid } from "#adapters/power/ipmi/identity.ts";
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from "#adapters/power/ipmi/message.ts";
import { consoleIdOf, decodePacket, encodeSessionless, encodeSetup } from "#adapters/power/ipmi/packet.ts";
import { decodeOpenResponse, decodeRakp2, decodeRakp4 } from "#adapters/power/ipmi/rakp.ts";
import { readStatus } from "#adapters/power/ipmi/status.ts";
import { createWindow } from "#adapters/power/ipmi/window.ts";

const buffer = (max = 120) => fc.uint8Array({ maxLength: max }).map((bytes) => Buffer.from(bytes));
const byte = fc.integer({ min: 0, max: 255 });
const keys = fc.constantFrom(deriveKeys(suites[17], Buffer.alloc(32, 7)), deriveKeys(suites[3], Buffer.alloc(20, 7)));

describe("bytes from a device never throw", () => {
  it("as a datagram", () => {
    const headed = fc
      .tuple(fc.constantFrom(0x00, 0x06), buffer())
      .map(([type, rest]) => Buffer.concat([Buffer.from([6, 0, 0xff, 7, type]), rest]));
    fc.assert(
      fc.property(fc.oneof(buffer(), headed), keys, (datagram, session) => {
        const packet = decodePacket(datagram);
        if (!packet) return;
        expect(consoleIdOf(packet)).toBeGreaterThanOrEqual(0);
        expect(unseal(session, packet)).toBeUndefined();
        expect(packet.payload.length).toBeLessThanOrEqual(datagram.length);
      }),
      { numRuns: 2000 },
    );
  });

  it("as a set-up payload", () => {
    const near = fc.tuple(byte, buffer(80)).map(([status, rest]) => Buffer.concat([Buffer.from([5, status, 0, 0, 1, 0, 0, 0]), rest]));
    fc.assert(
      fc.property(fc.oneof(buffer(80), near), (payload) => {
        const expected = { tag: 5, consoleId: 1 };
        for (const found of [decodeOpenResponse(payload, expected), decodeRakp2(payload, expected), decodeRakp4(payload, expected)]) {
          if (found && "status" in found) expect(readStatus(found.status).failed).not.toBe("");
        }
      }),
    );
  });

  it("as a message", () => {
    fc.assert(
      fc.property(buffer(40), fc.boolean(), (message, verified) => {
        decodeRequest(message);
        decodeResponse(message, verified);
        decodeResponse(Buffer.concat([Buffer.from([0x81]), message]), verified);
      }),
    );
  });

  const commands: Command<unknown>[] = [
    getDeviceId,
    getSystemGuid,
    setSessionPrivilege(3),
    coldReset,
    getCipherSuites(0),
    getChassisStatus,
    chassisControl("on"),
    chassisIdentify(1e9),
    getBootFlags,
    setBootFlags("pxe", true),
    getSelInfo,
    getSelEntry(0xffff),
    getPowerReading,
    getFruInfo,
    readFruData(8, 16),
  ];
  it.each(commands.map((command) => [command.name, command] as const))("as the answer to %s", (_, command) => {
    fc.assert(
      fc.property(
        fc.oneof(
          buffer(40),
          buffer(40).map((rest) => Buffer.concat([Buffer.from([0xdc]), rest])),
        ),
        (data) => {
          command.parse(data);
        },
      ),
    );
  });

  it("as an event record: every one reads as an entry", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 18, maxLength: 18 }), fc.boolean(), (bytes, standard) => {
        if (standard) bytes[4] = 0x02;
        const record = getSelEntry(0).parse(Buffer.from(bytes));
        if (!record) throw new Error("18 bytes are a record");
        const entry = readSelRecord(record);
        expect(entry.message).not.toBe("");
        if (entry.at !== undefined) expect(new Date(entry.at).toISOString()).toBe(entry.at);
        lastPowerEvent([record]);
      }),
    );
  });

  it("as boot flags, FRU areas and lists of cipher suites", () => {
    fc.assert(
      fc.property(buffer(200), (bytes) => {
        const flags = getBootFlags.parse(Buffer.concat([Buffer.from([1, 5]), bytes]));
        if (flags && !flags.valid) expect(inForce(flags).target).toBe("none");
        fruAreas(bytes);
        expect(areaLength(bytes)).toBeLessThanOrEqual(255 * 8);
        for (const kind of ["chassis", "board", "product"] as const)
          for (const field of fruFields(kind, bytes)) expect(field).toBe(field.trim());
        for (const serial of readFru({ chassis: bytes, board: bytes, product: bytes }).serials) expect(serial).not.toBe("");
        expect(parseCipherSuites(bytes).length).toBeLessThanOrEqual(bytes.length / 2);
      }),
    );
  });
});

describe("what is written is read back", () => {
  const request = fc.record({
    netFn: fc.integer({ min: 0, max: 31 }).map((half) => half * 2),
    cmd: byte,
    sequence: fc.integer({ min: 0, max: 63 }),
    data: buffer(40),
  });

  it("messages", () => {
    fc.assert(
      fc.property(request, byte, (message, completion) => {
        expect(decodeRequest(encodeRequest(message))).toEqual(message);
        const response = { ...message, netFn: message.netFn + 1, completion };
        expect(decodeResponse(encodeResponse(response))).toEqual(response);
      }),
    );
  });

  it("packets", () => {
    fc.assert(
      fc.property(
        buffer(),
        fc.integer({ min: 0, max: 0x3f }).filter((type) => type !== 2),
        (payload, type) => {
          expect(decodePacket(encodeSessionless(payload))?.payload).toEqual(payload);
          expect(decodePacket(encodeSetup(type, payload))).toMatchObject({
            payload,
            payloadType: type,
            authenticated: false,
            sessionId: 0,
          });
        },
      ),
    );
  });

  it("sealed packets; and none with a changed bit", () => {
    fc.assert(
      fc.property(keys, buffer(60), fc.nat(), (session, message, where) => {
        const datagram = seal(session, { sessionId: 0xfeed, sequence: 9 }, message);
        const packet = decodePacket(datagram);
        expect(packet && unseal(session, packet)).toEqual(message);
        const at = 4 + (where % (datagram.length - 4));
        datagram[at] = (datagram[at] ?? 0) ^ (1 << (where % 8));
        const changed = decodePacket(datagram);
        expect(changed && unseal(session, changed)).toBeUndefined();
      }),
    );
  });
});

describe("sequence window", () => {
  it("accepts each number once, in whatever order it comes within the window", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), fc.array(fc.integer({ min: 0, max: 15 }), { maxLength: 60 }), (base, steps) => {
        const accept = createWindow();
        expect(accept(base)).toBe(true);
        const seen = new Set([base]);
        for (const step of steps) {
          const sequence = base + step;
          expect(accept(sequence)).toBe(!seen.has(sequence));
          seen.add(sequence);
        }
      }),
    );
  });

  it("goes on over the end of the counter, and drops what is far away", () => {
    const accept = createWindow();
    expect([0xffff_fffe, 0xffff_ffff, 1, 2, 0xffff_ffff, 40, 0].map(accept)).toEqual([true, true, true, true, false, false, false]);
  });
});

describe("identity", () => {
  it("finds a uuid in each of the three orders", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.constantFrom("smbios", "rfc", "ipmi"), (uuid, order) => {
        const rfc = Buffer.from(uuid.replaceAll("-", ""), "hex");
        const part = (from: number, to: number) => Buffer.from(rfc.subarray(from, to)).reverse();
        const wire = { rfc, ipmi: part(0, 16), smbios: Buffer.concat([part(0, 4), part(4, 6), part(6, 8), rfc.subarray(8)]) }[order];
        expect(readGuid(wire)).toContain(uuid);
        expect(contradiction({ uuid: uuid.toUpperCase() }, readGuid(wire), { serials: [] })).toBeUndefined();
      }),
    );
  });

  it("contradicts with the value that was seen, unless it is a placeholder", () => {
    const uuid = "0b9e2f6a-3c41-4d58-9e7a-1f2a3b4c5d6e";
    const other = ["7d0e1a52-93c4-4b1f-8a6e-0c2f5d917b34"];
    expect(contradiction({ uuid }, other, { serials: [] })).toContain(other[0]);
    expect(contradiction({ uuid }, ["ffffffff-ffff-ffff-ffff-ffffffffffff"], { serials: [] })).toBeUndefined();
    expect(contradiction({ uuid }, ["03000200-0400-0500-0006-000700080009"], { serials: [] })).toBeUndefined();
    expect(contradiction({ serial: "A1" }, [], { serials: ["Default string", "B2"] })).toContain("B2");
    expect(contradiction({ serial: "A1" }, [], { serials: ["B2", "a1"] })).toBeUndefined();
    expect(contradiction({ serial: "A1" }, [], { serials: ["To be filled by O.E.M."] })).toBeUndefined();
  });
});
