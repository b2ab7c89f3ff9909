import { isPlaceholderSerial, isPlaceholderUuid, sameSerial, sameUuid } from "#events";
import type { Fru } from "./commands/fru.ts";

/** Who a machine is expected to be. */
export interface Expectation {
  readonly uuid?: string;
  readonly serial?: string;
}

/**
 * The uuids that a BMC's 16 raw bytes may mean, likeliest first: SMBIOS order (first three groups little-endian), as
 * printed (RFC 9562), or wholly reversed (IPMI 2.0 §20.8). An order that gives a valid version and variant goes first.
 */
export function readGuid(raw: Buffer): string[] {
  const group = (from: number, to: number) => Buffer.from(raw.subarray(from, to)).reverse();
  const smbios = Buffer.concat([group(0, 4), group(4, 6), group(6, 8), raw.subarray(8, 16)]);
  const reversed = group(0, 16);
  const orders = [smbios, raw.subarray(0, 16), reversed];
  const sorted = orders.toSorted((a, b) => Number(plausible(b)) - Number(plausible(a)));
  return [...new Set(sorted.map(dashed))];
}

const plausible = (bytes: Buffer): boolean => {
  const version = bytes.readUInt8(6) >> 4;
  return version >= 1 && version <= 8 && bytes.readUInt8(8) >> 6 === 2;
};

const dashed = (bytes: Buffer): string => bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

/** Why this BMC cannot be the expected machine's, or `undefined`. Placeholders and missing values contradict nothing. */
export function contradiction(expect: Expectation, uuids: readonly string[], fru: Pick<Fru, "serials">): string | undefined {
  const { uuid, serial } = expect;
  if (uuid !== undefined && uuids.length > 0 && !uuids.some(isPlaceholderUuid) && !uuids.some((one) => sameUuid(one, uuid))) {
    return `its BMC reports uuid ${uuids[0]}, expected ${uuid}`;
  }
  const serials = fru.serials.filter((one) => !isPlaceholderSerial(one));
  if (serial !== undefined && serials.length > 0 && !serials.some((one) => sameSerial(one, serial))) {
    return `its BMC reports serial ${serials.join(", ")}, expected ${serial}`;
  }
  return undefined;
}
