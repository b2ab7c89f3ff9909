import { deriveKeys, seal, suites, unseal } from "#adapters/power/ipmi/algorithms.ts";
import { getCipherSuites, getDeviceId, getSystemGuid, parseCipherSuites } from "#adapters/power/ipmi/commands/app.ts";
import { getBootFlags, inForce } from "#adapters/power/ipmi/commands/boot.ts";
import { getChassisStatus } from "#adapters/power/ipmi/commands/chassis.ts";
import type { Command } from "#adapters/power/ipmi/commands/command.ts";
import { getPowerReading } from "#adapters/power/ipmi/commands/dcmi.ts";
import { fruAreas, fruFields, getFruInfo, readFruData } from "#adapters/power/ipmi/commands/fru.ts";
import { getSelEntry, getSelInfo, lastPowerEvent, readSelRecord } from "#adapters/power/ipmi/commands/sel.ts";
import { decodeRequest, decodeResponse, encodeResponse } from "#adapters/power/ipmi/message.ts";
import { consoleIdOf, decodePacket, encodeSessionless, encodeSetup, type Packet, payloadTypes } from "#adapters/power/ipmi/packet.ts";
import { decodeOpenResponse, decodeRakp2, decodeRakp4, encodeOpenResponse, encodeRakp } from "#adapters/power/ipmi/rakp.ts";
import { type Dice, mutateBytes } from "./mutate.ts";

const keys = deriveKeys(suites[17], Buffer.alloc(32, 7));
const commands: readonly Command<unknown>[] = [
  ...[getDeviceId, getSystemGuid, getCipherSuites(0), getChassisStatus, getBootFlags, getSelInfo, getSelEntry(0)],
  ...[getPowerReading, getFruInfo, readFruData(0, 16)],
];
const answer = (data: string) => encodeResponse({ netFn: 7, cmd: 1, sequence: 3, completion: 0, data: Buffer.from(data, "hex") });

/** Whole datagrams as BMCs send them: outside a session, while one is set up, and in one. */
const datagrams: readonly Buffer[] = [
  encodeSessionless(answer("2021040002bf00000300000000000000")),
  encodeSetup(payloadTypes.openResponse, encodeOpenResponse({ tag: 5, privilege: 4, consoleId: 1, bmcId: 0x0200_0001, suite: suites[17] })),
  encodeSetup(payloadTypes.rakp2, encodeRakp(5, 0, 1, Buffer.alloc(16, 1), Buffer.alloc(16, 2), Buffer.alloc(32, 3))),
  encodeSetup(payloadTypes.rakp4, encodeRakp(5, 0, 1, Buffer.alloc(16, 4))),
  ...["21100000", "0105e0000400000000", "ff0001000002efbe5a5d200004f06f0101ffff", "dc01b400b400b400b40000000000e80300004000"].map((data) =>
    seal(keys, { sessionId: 1, sequence: 9 }, answer(data)),
  ),
];

/** One mutated datagram through everything that reads bytes from a BMC. Throws for what must never be. */
export function fuzzIpmi(dice: Dice): void {
  const seed = datagrams[dice(datagrams.length)] ?? Buffer.alloc(0);
  const changed = mutateBytes(seed, dice);
  try {
    const packet = decodePacket(changed);
    if (packet) readPacket(packet);
    // What a right signature has let through may still be anything.
    readMessage(mutateBytes(answer("0105e0000400000000"), dice));
    const data = mutateBytes(Buffer.from("dc0105e00004000000000000000000000000", "hex"), dice);
    readData(data);
  } catch (error) {
    throw new Error(`the datagram ${changed.toString("hex")}: ${String(error)}`, { cause: error });
  }
}

function readPacket(packet: Packet): void {
  if (!(consoleIdOf(packet) >= 0)) throw new Error("a session id below zero");
  if (unseal(keys, packet) !== undefined && !isWhole(packet)) throw new Error("a changed packet passed for signed");
  const expected = { tag: 5, consoleId: 1 };
  decodeOpenResponse(packet.payload, expected);
  decodeRakp2(packet.payload, expected);
  decodeRakp4(packet.payload, expected);
  readMessage(packet.payload);
}

/** A mutation may undo itself, or touch only what no signature covers: the RMCP header. */
const isWhole = (packet: Packet): boolean => datagrams.some((datagram) => datagram.subarray(4).equals(packet.body));

function readMessage(message: Buffer): void {
  decodeRequest(message);
  decodeResponse(message);
  const response = decodeResponse(message, true);
  if (response) readData(response.data);
}

function readData(data: Buffer): void {
  for (const command of commands) command.parse(data);
  const flags = getBootFlags.parse(data);
  if (flags && !flags.valid && inForce(flags).target !== "none") throw new Error("flags that are not valid are in force");
  const record = getSelEntry(0).parse(data);
  if (record) {
    const entry = readSelRecord(record);
    if (entry.message === "") throw new Error("an event without words");
    if (entry.at !== undefined && new Date(entry.at).toISOString() !== entry.at) throw new Error(`no date: ${entry.at}`);
    lastPowerEvent([record]);
  }
  fruAreas(data);
  for (const kind of ["chassis", "board", "product"] as const) fruFields(kind, data);
  parseCipherSuites(data);
}
