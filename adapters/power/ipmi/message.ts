/** The IPMI message inside every packet (IPMI 2.0 §13.8): addresses, function, sequence, command, data and two checksums. */

/** A request as it stands between the checksums. */
export interface Request {
  readonly netFn: number;
  readonly cmd: number;
  readonly data: Uint8Array;
  /** Six bits. */
  readonly sequence: number;
}

/** A response as it stands between the checksums. */
export interface Response {
  /** Of the response: the request's plus one. */
  readonly netFn: number;
  readonly cmd: number;
  readonly sequence: number;
  readonly completion: number;
  readonly data: Buffer;
}

const bmcAddress = 0x20;
const consoleAddress = 0x81;

/** The two's complement that makes the bytes and itself sum to zero. */
export function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

const frame = (first: number, netFn: number, rest: number[], data: Uint8Array): Buffer => {
  const head = Buffer.from([first, netFn << 2]);
  const tail = Buffer.concat([Buffer.from(rest), data]);
  return Buffer.concat([head, Buffer.from([checksum(head)]), tail, Buffer.from([checksum(tail)])]);
};

/** A request from this console to the BMC. */
export function encodeRequest({ netFn, cmd, data, sequence }: Request): Buffer {
  return frame(bmcAddress, netFn, [consoleAddress, sequence << 2, cmd], data);
}

/** A BMC's response, to this console where nothing else is said. */
export function encodeResponse({ netFn, cmd, sequence, completion, data }: Response, to = consoleAddress): Buffer {
  return frame(to, netFn, [bmcAddress, sequence << 2, cmd, completion], data);
}

/** Takes a request apart, as a BMC does. */
export function decodeRequest(bytes: Buffer): Request | undefined {
  if (bytes.length < 7 || bytes[0] !== bmcAddress || !sound(bytes)) return undefined;
  return { netFn: bytes.readUInt8(1) >> 2, sequence: bytes.readUInt8(4) >> 2, cmd: bytes.readUInt8(5), data: bytes.subarray(6, -1) };
}

/**
 * Takes a response apart. Whom it is addressed to is not looked at: go-ipmi's BMC puts its own address there, and what tells whose answer
 * it is are the session, the function, the command and the sequence.
 *
 * @param verified the message's integrity code agreed: then its checksums are not looked at, since some boards
 * (Supermicro X9, FreeIPMI's list) get them wrong
 */
export function decodeResponse(bytes: Buffer, verified = false): Response | undefined {
  if (bytes.length < 8 || !(verified || sound(bytes))) return undefined;
  return {
    netFn: bytes.readUInt8(1) >> 2,
    sequence: bytes.readUInt8(4) >> 2,
    cmd: bytes.readUInt8(5),
    completion: bytes.readUInt8(6),
    data: bytes.subarray(7, -1),
  };
}

const sound = (bytes: Buffer): boolean => checksum(bytes.subarray(0, 3)) === 0 && checksum(bytes.subarray(3)) === 0;
