import { createHash } from "node:crypto";

/** SHA-256 at the end of an etcd snapshot, over everything before it (etcd: server/etcdserver/api/v3rpc/maintenance.go, `Snapshot`). */
const digestBytes = 32;
/** A database is whole pages, and no page is smaller than this (etcd: etcdutl/snapshot/v3_snapshot.go, `hasChecksum`). */
const sector = 512;
/** bbolt's meta page begins its content, behind a 16-byte page header, with this number (bbolt: `magic` in internal/common/types.go). */
const boltMagic = 0xed0c_daed;
const magicAt = 16;

/** What is known of a stream once it has ended. */
export interface Verdict {
  readonly bytes: number;
  /** Of everything, hexadecimal. */
  readonly sha256: string;
  /** Why it is no complete snapshot; absent when it is one. */
  readonly wrong?: string;
}

/** Reads along with a snapshot without keeping it, and judges it at the end. */
export function createVerifier(): { push(chunk: Uint8Array): void; verdict(): Verdict } {
  const whole = createHash("sha256");
  const body = createHash("sha256");
  let head = Buffer.alloc(0);
  // The last bytes seen: they may be the digest, which is not part of what it is the digest of.
  let tail = Buffer.alloc(0);
  let bytes = 0;
  return {
    push(chunk) {
      whole.update(chunk);
      bytes += chunk.length;
      if (head.length < magicAt + 4) head = Buffer.concat([head, chunk.subarray(0, magicAt + 4 - head.length)]);
      const held = Buffer.concat([tail, chunk]);
      body.update(held.subarray(0, Math.max(0, held.length - digestBytes)));
      tail = held.subarray(Math.max(0, held.length - digestBytes));
    },
    verdict() {
      const sha256 = whole.digest("hex");
      const wrong = judge(bytes, head, body.digest(), tail);
      return { bytes, sha256, ...(wrong === undefined ? {} : { wrong }) };
    },
  };
}

function judge(bytes: number, head: Buffer, digest: Buffer, tail: Buffer): string | undefined {
  if (bytes === 0) return "it is empty";
  if (bytes % sector !== digestBytes) return `${bytes} bytes are no whole database with its checksum: it was cut off, or etcd wrote none`;
  if (head.length < magicAt + 4 || head.readUInt32LE(magicAt) !== boltMagic) return "it does not begin as an etcd database does";
  return digest.equals(tail) ? undefined : "its checksum does not fit: it is damaged";
}
