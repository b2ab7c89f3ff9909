import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";
import { encodeAuthenticated, encodeBody, type Packet, payloadTypes } from "./packet.ts";

/** One cipher suite: authentication, integrity and confidentiality (IPMI 2.0 table 22-20). */
export interface Suite {
  readonly id: CipherSuite;
  readonly hash: "sha1" | "sha256";
  readonly authentication: number;
  readonly integrity: number;
  readonly confidentiality: number;
  /** Bytes of a RAKP key exchange code. */
  readonly digestLength: number;
  /** Bytes of an integrity code, on packets and in RAKP 4. */
  readonly codeLength: number;
}

/** 17: SHA-256, 3: SHA-1; both with AES-128. */
export type CipherSuite = 17 | 3;

/** The only two suites with real authentication, integrity and encryption. Suite 0 would let any password in and is not built. */
export const suites: Readonly<Record<CipherSuite, Suite>> = {
  17: { id: 17, hash: "sha256", authentication: 3, integrity: 4, confidentiality: 1, digestLength: 32, codeLength: 16 },
  3: { id: 3, hash: "sha1", authentication: 1, integrity: 1, confidentiality: 1, digestLength: 20, codeLength: 12 },
};

/** The keys of one session (IPMI 2.0 §13.31, §13.32). */
export interface SessionKeys {
  readonly suite: Suite;
  readonly sik: KeyObject;
  readonly integrity: KeyObject;
  readonly confidentiality: KeyObject;
}

/** A password or K_g as a key that neither a log line nor an inspector shows. */
export const secretKey = (secret: string | Uint8Array): KeyObject =>
  createSecretKey(typeof secret === "string" ? Buffer.from(secret, "utf8") : secret);

/** HMAC with the suite's hash. */
export function mac(suite: Suite, key: KeyObject, ...parts: Uint8Array[]): Buffer {
  const hmac = createHmac(suite.hash, key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

let drawn = Buffer.alloc(0);

/** Random bytes for one use. They are drawn in larger pieces: a draw costs more than the cipher that they are for. */
export function freshBytes(length: number): Buffer {
  if (drawn.length < length) drawn = randomBytes(4096);
  const bytes = drawn.subarray(0, length);
  drawn = drawn.subarray(length);
  return bytes;
}

/** Whether two codes agree, in constant time. */
export const agree = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);

/** K1 and K2 from the session integrity key. The constants are 20 bytes long for SHA-256 too. */
export function deriveKeys(suite: Suite, sik: Buffer): SessionKeys {
  const key = createSecretKey(sik);
  return {
    suite,
    sik: key,
    integrity: createSecretKey(mac(suite, key, Buffer.alloc(20, 0x01))),
    confidentiality: createSecretKey(mac(suite, key, Buffer.alloc(20, 0x02)).subarray(0, 16)),
  };
}

/** A message as an encrypted, authenticated packet. `iv` is random; only tests give one. */
export function seal(
  keys: SessionKeys,
  header: { sessionId: number; sequence: number },
  message: Uint8Array,
  iv: Buffer = freshBytes(16),
): Buffer {
  const pad = (16 - ((message.length + 1) % 16)) % 16;
  const cipher = createCipheriv("aes-128-cbc", keys.confidentiality, iv).setAutoPadding(false);
  const plain = Buffer.concat([message, Buffer.from(Array.from({ length: pad }, (_, index) => index + 1)), Buffer.from([pad])]);
  const payload = Buffer.concat([iv, cipher.update(plain), cipher.final()]);
  const body = encodeBody({ type: 0xc0 | payloadTypes.ipmi, ...header }, payload);
  return encodeAuthenticated(body, (signed) => mac(keys.suite, keys.integrity, signed).subarray(0, keys.suite.codeLength));
}

/** The message inside a packet whose integrity code agrees and whose padding is right; `undefined` for everything else. */
export function unseal(keys: SessionKeys, packet: Packet): Buffer | undefined {
  const { suite } = keys;
  if (packet.format !== "2.0" || !packet.authenticated || !packet.encrypted || packet.payloadType !== payloadTypes.ipmi) return undefined;
  const end = packet.body.length - suite.codeLength;
  if (end < 12 + packet.payload.length + 2) return undefined;
  const signed = packet.body.subarray(0, end);
  if (!agree(mac(suite, keys.integrity, signed).subarray(0, suite.codeLength), packet.body.subarray(end))) return undefined;
  return decrypt(keys.confidentiality, packet.payload);
}

function decrypt(key: KeyObject, payload: Buffer): Buffer | undefined {
  if (payload.length < 32 || payload.length % 16 !== 0) return undefined;
  const decipher = createDecipheriv("aes-128-cbc", key, payload.subarray(0, 16)).setAutoPadding(false);
  const plain = Buffer.concat([decipher.update(payload.subarray(16)), decipher.final()]);
  const pad = plain.readUInt8(plain.length - 1);
  const length = plain.length - 1 - pad;
  if (length < 0) return undefined;
  for (let index = 0; index < pad; index += 1) if (plain[length + index] !== index + 1) return undefined;
  return plain.subarray(0, length);
}
