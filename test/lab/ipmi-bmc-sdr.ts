import type { Host } from "./host.ts";

/** The BMC's own record: a Management Controller Device Locator (IPMI 2.0 §43.9), which is all that a board without sensors has. */
function locator(host: Host): Buffer {
  const name = Buffer.from(host.name.slice(0, 16), "latin1");
  // Chassis device, FRU inventory, SEL and SDR repository, no sensor.
  const body = Buffer.from([0x20, 0, 0, 0x8e, 0, 0, 0, 0x06, 0x01, 0, 0xc0 | name.length]);
  return Buffer.concat([Buffer.from([1, 0, 0x51, 0x12, body.length + name.length]), body, name]);
}

/** Get SDR Repository Info (IPMI 2.0 §33.9): one record, reservations, and nothing that writes. */
export const sdrInfo = (): Buffer => Buffer.from([0x51, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02]);

/** What Get SDR (IPMI 2.0 §33.12) answers to this request, `undefined` for a record that is not there. */
export function sdrPart(host: Host, request: Buffer): Buffer | undefined {
  const record = request.readUInt16LE(2);
  // First, last and only.
  if (record > 1 && record !== 0xffff) return undefined;
  const from = request.readUInt8(4);
  return Buffer.concat([Buffer.from([0xff, 0xff]), locator(host).subarray(from, from + request.readUInt8(5))]);
}
