import type { KeyObject } from "node:crypto";
import { mac, type Suite } from "./algorithms.ts";

/** Session set-up payloads and their codes (IPMI 2.0 §13.17 to §13.24, §13.28 to §13.32). */

/** What both sides know by the time RAKP 2 has arrived: the input of every code. */
export interface Exchange {
  readonly suite: Suite;
  readonly consoleId: number;
  readonly bmcId: number;
  readonly consoleRandom: Buffer;
  readonly bmcRandom: Buffer;
  /** The BMC's 16 raw bytes; their order means nothing here. */
  readonly guid: Buffer;
  /** The whole role byte of RAKP 1. */
  readonly role: number;
  readonly user: Buffer;
}

/** Looks the user up by name alone: the privilege is the least that is asked for, not part of the lookup. */
export const nameOnly = 0x10;

const id = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const login = ({ role, user }: Exchange): Buffer => Buffer.concat([Buffer.from([role, user.length]), user]);

/** RAKP 2: the BMC knows the password. */
export const rakp2Code = (x: Exchange, password: KeyObject): Buffer =>
  mac(x.suite, password, id(x.consoleId), id(x.bmcId), x.consoleRandom, x.bmcRandom, x.guid, login(x));

/** RAKP 3: the console knows the password. */
export const rakp3Code = (x: Exchange, password: KeyObject): Buffer => mac(x.suite, password, x.bmcRandom, id(x.consoleId), login(x));

/** The session integrity key, from K_g where the BMC has one, else from the password. */
export const sessionIntegrityKey = (x: Exchange, key: KeyObject): Buffer => mac(x.suite, key, x.consoleRandom, x.bmcRandom, login(x));

/** RAKP 4: both derived the same session integrity key. */
export const rakp4Code = (x: Exchange, sik: KeyObject): Buffer =>
  mac(x.suite, sik, x.consoleRandom, id(x.bmcId), x.guid).subarray(0, x.suite.codeLength);

const algorithms = (suite: Suite): Buffer =>
  Buffer.from([suite.authentication, suite.integrity, suite.confidentiality].flatMap((number, type) => [type, 0, 0, 8, number, 0, 0, 0]));

/** Open Session Request for one suite and a privilege. */
export function encodeOpenRequest(open: { tag: number; privilege: number; consoleId: number; suite: Suite }): Buffer {
  return Buffer.concat([Buffer.from([open.tag, open.privilege, 0, 0]), id(open.consoleId), algorithms(open.suite)]);
}

/** Open Session Response that accepts, as a BMC sends it. */
export function encodeOpenResponse(open: { tag: number; privilege: number; consoleId: number; bmcId: number; suite: Suite }): Buffer {
  return Buffer.concat([Buffer.from([open.tag, 0, open.privilege, 0]), id(open.consoleId), id(open.bmcId), algorithms(open.suite)]);
}

/** RAKP 1: who wants in, with what role. */
export function encodeRakp1(one: { tag: number; bmcId: number; consoleRandom: Buffer; role: number; user: Buffer }): Buffer {
  return Buffer.concat([
    Buffer.from([one.tag, 0, 0, 0]),
    id(one.bmcId),
    one.consoleRandom,
    Buffer.from([one.role, 0, 0, one.user.length]),
    one.user,
  ]);
}

/** RAKP 2, 3 or 4, or an error in their place: tag, status, the receiver's id, and what belongs to it. */
export function encodeRakp(tag: number, status: number, receiver: number, ...rest: Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from([tag, status, 0, 0]), id(receiver), ...rest]);
}

/** A set-up message that says no; see `readStatus`. */
export type Refusal = { readonly status: number };

/** The BMC's session id and the three algorithms it chose, or its refusal. Refusals are as short as two bytes. */
export function decodeOpenResponse(
  payload: Buffer,
  expect: { tag: number; consoleId: number },
): Refusal | { bmcId: number; privilege: number; algorithms: readonly number[] } | undefined {
  if (payload.length < 2 || payload[0] !== expect.tag) return undefined;
  if (payload[1] !== 0) return { status: payload.readUInt8(1) };
  if (payload.length < 36 || payload.readUInt32LE(4) !== expect.consoleId) return undefined;
  return {
    privilege: payload.readUInt8(2),
    bmcId: payload.readUInt32LE(8),
    algorithms: [16, 24, 32].map((offset) => payload.readUInt8(offset)),
  };
}

/** The BMC's random number, GUID and code, or its refusal. */
export function decodeRakp2(
  payload: Buffer,
  expect: { tag: number; consoleId: number },
): Refusal | { bmcRandom: Buffer; guid: Buffer; code: Buffer } | undefined {
  const refused = refusal(payload, expect);
  if (refused !== undefined) return refused;
  if (payload.length < 40 || payload[0] !== expect.tag || payload.readUInt32LE(4) !== expect.consoleId) return undefined;
  return { bmcRandom: payload.subarray(8, 24), guid: payload.subarray(24, 40), code: payload.subarray(40) };
}

/** The BMC's integrity check value, or its refusal. */
export function decodeRakp4(payload: Buffer, expect: { tag: number; consoleId: number }): Refusal | { code: Buffer } | undefined {
  const refused = refusal(payload, expect);
  if (refused !== undefined) return refused;
  if (payload.length < 8 || payload[0] !== expect.tag || payload.readUInt32LE(4) !== expect.consoleId) return undefined;
  return { code: payload.subarray(8) };
}

function refusal(payload: Buffer, expect: { tag: number; consoleId: number }): Refusal | undefined {
  if (payload.length < 2 || payload[0] !== expect.tag || payload[1] === 0) return undefined;
  // A refusal that names a session must name ours; a shorter or zeroed one names none.
  if (payload.length >= 8 && payload.readUInt32LE(4) !== 0 && payload.readUInt32LE(4) !== expect.consoleId) return undefined;
  return { status: payload.readUInt8(1) };
}
