/** RMCP and RMCP+ framing (IPMI 2.0 §13). Encoders are exact; decoders answer `undefined` to anything they do not understand. */

/** The payload types of IPMI messages and of session set-up (IPMI 2.0 table 13-16). */
export const payloadTypes = {
  ipmi: 0x00,
  openRequest: 0x10,
  openResponse: 0x11,
  rakp1: 0x12,
  rakp2: 0x13,
  rakp3: 0x14,
  rakp4: 0x15,
} as const;

/** One datagram taken apart. Nothing in it is authenticated yet. */
export interface Packet {
  readonly format: "1.5" | "2.0";
  /** Six bits, see `payloadTypes`; 1.5 packets always carry IPMI messages. */
  readonly payloadType: number;
  readonly encrypted: boolean;
  readonly authenticated: boolean;
  /** The receiver's id. */
  readonly sessionId: number;
  readonly sequence: number;
  readonly payload: Buffer;
  /** From the auth type byte to the end of the datagram: what an integrity code covers, and that code. */
  readonly body: Buffer;
}

const rmcpHeader = Buffer.from([0x06, 0x00, 0xff, 0x07]);
const integrityNextHeader = 0x07;

/** A message outside any session, in IPMI 1.5 framing with auth type none: what every BMC answers before a session. */
export function encodeSessionless(message: Uint8Array): Buffer {
  return Buffer.concat([rmcpHeader, Buffer.alloc(9), Buffer.from([message.length]), message]);
}

/** The RMCP+ header and payload from the auth type byte on, without a trailer. */
export function encodeBody(header: { type: number; sessionId: number; sequence: number }, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt8(0x06, 0);
  head.writeUInt8(header.type, 1);
  head.writeUInt32LE(header.sessionId, 2);
  head.writeUInt32LE(header.sequence, 6);
  head.writeUInt16LE(payload.length, 10);
  return Buffer.concat([head, payload]);
}

/** A session set-up packet: RMCP+ framing, session id and sequence zero. */
export function encodeSetup(type: number, payload: Uint8Array): Buffer {
  return Buffer.concat([rmcpHeader, encodeBody({ type, sessionId: 0, sequence: 0 }, payload)]);
}

/** An authenticated packet: `body` padded to a multiple of four with its trailer, then the code over all that. */
export function encodeAuthenticated(body: Uint8Array, code: (signed: Buffer) => Buffer): Buffer {
  const pad = (4 - ((body.length + 2) % 4)) % 4;
  const signed = Buffer.concat([body, Buffer.alloc(pad, 0xff), Buffer.from([pad, integrityNextHeader])]);
  return Buffer.concat([rmcpHeader, signed, code(signed)]);
}

/** Takes a datagram apart, or answers `undefined` when it is not IPMI over RMCP. */
export function decodePacket(datagram: Buffer): Packet | undefined {
  if (datagram.length < 14 || datagram[0] !== 0x06 || datagram[3] !== 0x07) return undefined;
  const body = datagram.subarray(4);
  if (body[0] === 0x00) {
    const length = body.readUInt8(9);
    if (body.length < 10 + length) return undefined;
    return {
      format: "1.5",
      payloadType: payloadTypes.ipmi,
      encrypted: false,
      authenticated: false,
      sequence: body.readUInt32LE(1),
      sessionId: body.readUInt32LE(5),
      payload: body.subarray(10, 10 + length),
      body,
    };
  }
  if (body[0] !== 0x06 || body.length < 12) return undefined;
  const type = body.readUInt8(1);
  const length = body.readUInt16LE(10);
  if ((type & 0x3f) === 0x02 || body.length < 12 + length) return undefined;
  return {
    format: "2.0",
    payloadType: type & 0x3f,
    encrypted: (type & 0x80) !== 0,
    authenticated: (type & 0x40) !== 0,
    sessionId: body.readUInt32LE(2),
    sequence: body.readUInt32LE(6),
    payload: body.subarray(12, 12 + length),
    body,
  };
}

/** The console session id that a datagram from a BMC is addressed to; 0 where it names none. */
export function consoleIdOf(packet: Packet): number {
  if (packet.sessionId !== 0) return packet.sessionId;
  const setup: number[] = [payloadTypes.openResponse, payloadTypes.rakp2, payloadTypes.rakp4];
  return setup.includes(packet.payloadType) && packet.payload.length >= 8 ? packet.payload.readUInt32LE(4) : 0;
}
