import { checksum } from "#adapters/power/ipmi/message.ts";
import type { Host } from "./host.ts";

/** Of one letter it would be C1h, which ends the fields. */
const field = (text: string): Buffer => {
  if (text.length === 1) throw new RangeError(`a FRU field of one letter: ${text}`);
  return Buffer.concat([Buffer.from([0xc0 | text.length]), Buffer.from(text, "latin1")]);
};

function area(head: number[], fields: string[]): Buffer {
  const body = Buffer.concat([Buffer.from(head), ...fields.map(field), Buffer.from([0xc1])]);
  const padded = Buffer.concat([body, Buffer.alloc((8 - ((body.length + 1) % 8)) % 8)]);
  padded.writeUInt8((padded.length + 1) / 8, 1);
  return Buffer.concat([padded, Buffer.from([checksum(padded)])]);
}

/** The host's FRU: chassis, board and product areas (FRU Information Storage Definition 1.0). */
export function fruBytes(host: Host): Buffer {
  const { manufacturer, model, serial } = { ...host.identity, ...host.faults.reports };
  const chassis = area([1, 0, 0x17], [`${model}-CH`, serial]);
  const board = area([1, 0, 0x19, 0, 0, 0], [manufacturer, `${model} board`, serial, "BP-1", ""]);
  const product = area([1, 0, 0x19], [manufacturer, model, "PN-1", "A0", serial, "", ""]);
  const header = Buffer.from([1, 0, 1, 1 + chassis.length / 8, 1 + (chassis.length + board.length) / 8, 0, 0]);
  return Buffer.concat([header, Buffer.from([checksum(header)]), chassis, board, product]);
}
