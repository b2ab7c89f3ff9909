import { createHash } from "node:crypto";

const pageBytes = 4096;
/** Of a page's header: id, flags, count, overflow (bbolt: internal/common/page.go). A count of none is what the lab has. */
const headerBytes = 16;
const flags = { leaf: 0x02, meta: 0x04, freelist: 0x10 } as const;

/**
 * A snapshot as etcd sends it: a bbolt database, and the SHA-256 of all of it behind it (etcd: server/etcdserver/api/v3rpc/maintenance.go).
 * Its two meta pages are bbolt's own, with their checksums; the pages after its free list hold the text.
 */
export function makeSnapshot(content: string): Buffer {
  const text = Buffer.from(content);
  const dataPages = Math.ceil((headerBytes + 4 + text.length) / pageBytes);
  const pages = 3 + dataPages;
  const database = Buffer.alloc(pages * pageBytes);
  for (const id of [0, 1]) writeMeta(database.subarray(id * pageBytes, (id + 1) * pageBytes), id, pages);
  writeHeader(database.subarray(2 * pageBytes), { id: 2, flags: flags.freelist, overflow: 0 });
  const data = database.subarray(3 * pageBytes);
  writeHeader(data, { id: 3, flags: flags.leaf, overflow: dataPages - 1 });
  data.writeUInt32LE(text.length, headerBytes);
  text.copy(data, headerBytes + 4);
  return Buffer.concat([database, createHash("sha256").update(database).digest()]);
}

/** Whether its checksum fits. */
export function isWholeSnapshot(bytes: Buffer): boolean {
  if (bytes.length % 512 !== 32) return false;
  const database = bytes.subarray(0, -32);
  return createHash("sha256").update(database).digest().equals(bytes.subarray(-32));
}

/** The text in it. */
export function readSnapshot(bytes: Buffer): string {
  const data = bytes.subarray(3 * pageBytes, -32);
  return data.subarray(headerBytes + 4, headerBytes + 4 + data.readUInt32LE(headerBytes)).toString();
}

function writeHeader(page: Buffer, header: { id: number; flags: number; overflow: number }): void {
  page.writeBigUInt64LE(BigInt(header.id), 0);
  page.writeUInt16LE(header.flags, 8);
  page.writeUInt32LE(header.overflow, 12);
}

/** bbolt: internal/common/meta.go. */
function writeMeta(page: Buffer, id: number, pages: number): void {
  writeHeader(page, { id, flags: flags.meta, overflow: 0 });
  const meta = page.subarray(headerBytes);
  meta.writeUInt32LE(0xed0c_daed, 0);
  meta.writeUInt32LE(2, 4);
  meta.writeUInt32LE(pageBytes, 8);
  // The root bucket's page, the free list's, the first page that there is not, and the transaction.
  meta.writeBigUInt64LE(3n, 16);
  meta.writeBigUInt64LE(2n, 32);
  meta.writeBigUInt64LE(BigInt(pages), 40);
  meta.writeBigUInt64LE(BigInt(id + 1), 48);
  meta.writeBigUInt64LE(fnv1a(meta.subarray(0, 56)), 56);
}

/** FNV-1a in 64 bits, as bbolt sums a meta page. */
function fnv1a(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
