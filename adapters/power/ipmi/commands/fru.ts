import type { Command } from "./command.ts";

/** Inventory of field replaceable unit 0, the system itself (IPMI 2.0 §34, FRU Information Storage Definition 1.0). */
export interface Fru {
  readonly manufacturer?: string;
  readonly product?: string;
  /** Of product, chassis and board, in this order; as they stand there, placeholders included. */
  readonly serials: readonly string[];
}

/** How large the FRU is, in bytes. */
export const getFruInfo: Command<{ size: number; byWords: boolean }> = {
  name: "Get FRU Inventory Area Info",
  netFn: 0x0a,
  cmd: 0x10,
  data: Buffer.from([0]),
  parse: (data) => (data.length < 3 ? undefined : { size: data.readUInt16LE(0), byWords: (data.readUInt8(2) & 1) !== 0 }),
};

/**
 * Bytes of the FRU.
 *
 * @param count at most 255; the BMC may answer fewer
 */
export const readFruData = (offset: number, count: number): Command<Buffer> => ({
  name: "Read FRU Data",
  netFn: 0x0a,
  cmd: 0x11,
  data: Buffer.from([0, offset & 0xff, offset >> 8, count]),
  parse: (data) => (data.length < 2 || data.readUInt8(0) === 0 ? undefined : data.subarray(1, 1 + data.readUInt8(0))),
});

/** Byte offsets of the three areas that name the machine; `undefined` for one that is missing, or for no FRU header at all. */
export function fruAreas(header: Buffer): { chassis?: number; board?: number; product?: number } | undefined {
  if (header.length < 8 || (header.readUInt8(0) & 0x0f) !== 1 || header.subarray(0, 8).reduce((sum, byte) => sum + byte, 0) % 256 !== 0) {
    return undefined;
  }
  const at = (index: number) => header.readUInt8(index) * 8;
  return { ...(at(2) && { chassis: at(2) }), ...(at(3) && { board: at(3) }), ...(at(4) && { product: at(4) }) };
}

/** Whole bytes of an area, from its second byte. */
export const areaLength = (start: Buffer): number => (start.length < 2 ? 0 : start.readUInt8(1) * 8);

const fieldsAt = { chassis: 3, board: 6, product: 3 } as const;

/** The text fields of an area in the order of the definition; "" for an empty or unreadable one. */
export function fruFields(kind: keyof typeof fieldsAt, area: Buffer): string[] {
  const found: string[] = [];
  for (let at: number = fieldsAt[kind]; at < area.length; ) {
    const header = area.readUInt8(at);
    if (header === 0xc1) break;
    const length = header & 0x3f;
    found.push(text(header >> 6, area.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  return found;
}

/** What the areas say together. */
export function readFru(areas: { chassis?: Buffer; board?: Buffer; product?: Buffer }): Fru {
  const chassis = areas.chassis ? fruFields("chassis", areas.chassis) : [];
  const board = areas.board ? fruFields("board", areas.board) : [];
  const product = areas.product ? fruFields("product", areas.product) : [];
  const manufacturer = product[0] || board[0];
  const name = product[1] || board[1];
  return {
    ...(manufacturer && { manufacturer }),
    ...(name && { product: name }),
    serials: [product[4], chassis[1], board[2]].flatMap((serial) => (serial ? [serial] : [])),
  };
}

function text(type: number, bytes: Buffer): string {
  if (type === 3)
    return bytes
      .toString("latin1")
      .replace(/\p{Cc}/gu, "")
      .trim();
  if (type === 2) return sixBit(bytes).trim();
  if (type === 1)
    return [...bytes]
      .map((byte) => bcd(byte >> 4) + bcd(byte & 15))
      .join("")
      .trim();
  return "";
}

const bcd = (digit: number): string => "0123456789 -.".charAt(digit);

function sixBit(bytes: Buffer): string {
  let out = "";
  for (let bit = 0; bit + 6 <= bytes.length * 8; bit += 6) {
    const low = bytes.readUInt8(bit >> 3);
    const high = bytes[(bit >> 3) + 1] ?? 0;
    out += String.fromCharCode((((low | (high << 8)) >> (bit & 7)) & 0x3f) + 0x20);
  }
  return out;
}
