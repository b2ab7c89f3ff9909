/**
 * Whether an identity that firmware reports identifies anything, and whether two of them mean one machine.
 * Boards ship with unset and duplicated SMBIOS fields, and BMCs print the same 16 bytes in different orders.
 */

const placeholderUuids = [
  // AMI Aptio's example value, on many boards of several makers.
  "00020003-0004-0005-0006-000700080009",
  // AMI's other example: the bytes counted up.
  "00010203-0405-0607-0809-0a0b0c0d0e0f",
];

const placeholderSerials = new Set([
  "",
  "0",
  "0123456789",
  "01234567890123456789",
  "1234567890",
  "123456789",
  "12345678",
  "abcdefghij",
  "chassis serial number",
  "default string",
  "default",
  "empty",
  "invalid",
  "n/a",
  "na",
  "no serial number",
  "none",
  "not applicable",
  "not available",
  "not present",
  "not provided",
  "not set",
  "not settable",
  "not specified",
  "null",
  "o.e.m.",
  "oem",
  "serial",
  "serial number",
  "sn",
  "system serial number",
  "tbd",
  "to be filled by o.e.m.",
  "undefined",
  "unknown",
  "unspecified",
]);

/** A uuid as 32 hexadecimal digits became lower case with dashes; `undefined` for any other text. Braces and missing dashes are read. */
export function normaliseUuid(text: string): string | undefined {
  const match = /^\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?$/.exec(text.trim().toLowerCase());
  return match?.slice(1).join("-");
}

/**
 * Every way the bytes of `uuid` may have been printed, its own first, lower case with dashes, no repeats; empty for a text that is no uuid.
 *
 * SMBIOS 2.6 (7.2.1) stores the first three groups little-endian; IPMI 2.0 (20.8) sends the whole uuid reversed; and some firmware
 * does neither, so a reader that guesses wrong prints one of the orders, or two after one another.
 */
export function uuidByteOrders(uuid: string): readonly string[] {
  const own = normaliseUuid(uuid);
  if (own === undefined) return [];
  return [...new Set([own, mixed(own), reversed(own), reversed(mixed(own)), mixed(reversed(own))])];
}

/** Whether two uuids mean one machine, in any known byte order. Placeholders and texts that are no uuid are never the same as anything. */
export function sameUuid(a: string, b: string): boolean {
  const other = normaliseUuid(b);
  return other !== undefined && !isPlaceholderUuid(a) && uuidByteOrders(a).includes(other);
}

/** Whether `uuid` identifies no machine: a maker's example value in any byte order, one byte repeated, or no uuid at all ("Not Settable"). */
export function isPlaceholderUuid(uuid: string): boolean {
  const orders = uuidByteOrders(uuid);
  if (orders.length === 0) return true;
  return orders.some((order) => {
    const hex = order.replaceAll("-", "");
    return placeholderUuids.includes(order) || hex === hex.slice(0, 2).repeat(16) || hex.startsWith("123456781234");
  });
}

/** Whether two serial numbers mean one machine: equal without regard to case and outer space. Placeholders never are. */
export function sameSerial(a: string, b: string): boolean {
  return !isPlaceholderSerial(a) && a.trim().toLowerCase() === b.trim().toLowerCase();
}

/** Whether `serial` identifies no machine: empty, one character repeated ("0000000"), or a maker's filler ("To be filled by O.E.M."). */
export function isPlaceholderSerial(serial: string): boolean {
  const text = serial.trim().toLowerCase();
  return placeholderSerials.has(text) || /^([0x.\-*#f?])\1*$/.test(text);
}

const mixed = (uuid: string) => {
  const [a = "", b = "", c = "", ...rest] = uuid.split("-");
  return [swap(a), swap(b), swap(c), ...rest].join("-");
};
const reversed = (uuid: string) => swap(uuid.replaceAll("-", "")).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
const swap = (hex: string) => (hex.match(/../g) ?? []).reverse().join("");
