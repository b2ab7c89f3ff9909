import type { LogEntry } from "../../port.ts";
import type { Command } from "./command.ts";
import { readEvent } from "./sel-events.ts";

/** The system event log (IPMI 2.0 §31, §32). */

/** How many records the log holds, and whether some did not fit. */
export const getSelInfo: Command<{ entries: number; overflow: boolean }> = {
  name: "Get SEL Info",
  netFn: 0x0a,
  cmd: 0x40,
  data: Buffer.alloc(0),
  parse: (data) => (data.length < 14 ? undefined : { entries: data.readUInt16LE(1), overflow: (data.readUInt8(13) & 0x80) !== 0 }),
};

/** Stands for the oldest record in a request. */
export const firstRecord = 0x0000;
/** Stands for the newest record in a request, and for "no more" in an answer. */
export const lastRecord = 0xffff;

/** One record as it is, and the id of the one after it (`lastRecord` = none). */
export interface SelRecord {
  readonly next: number;
  readonly id: number;
  readonly bytes: Buffer;
}

/**
 * One whole record.
 *
 * @param id `firstRecord`, `lastRecord` or a record's own id
 */
export const getSelEntry = (id: number): Command<SelRecord> => ({
  name: "Get SEL Entry",
  netFn: 0x0a,
  cmd: 0x43,
  data: Buffer.from([0, 0, id & 0xff, id >> 8, 0, 0xff]),
  parse(data) {
    if (data.length < 18) return undefined;
    const bytes = data.subarray(2, 18);
    return { next: data.readUInt16LE(0), id: bytes.readUInt16LE(0), bytes };
  },
});

/** A record as a log entry. Vendors' own records are shown as bytes. */
export function readSelRecord({ bytes }: SelRecord): LogEntry {
  const type = bytes.readUInt8(2);
  const at = type < 0xe0 ? selTime(bytes.readUInt32LE(3)) : undefined;
  const dated = at === undefined ? {} : { at };
  if (type !== 0x02) return { ...dated, severity: "unknown", message: `record type ${hex(type)}: ${bytes.subarray(3).toString("hex")}` };
  const event = {
    sensorType: bytes.readUInt8(10),
    sensor: bytes.readUInt8(11),
    deasserted: (bytes.readUInt8(12) & 0x80) !== 0,
    eventType: bytes.readUInt8(12) & 0x7f,
    offset: bytes.readUInt8(13) & 0x0f,
  };
  return { ...dated, ...readEvent(event, bytes.subarray(13, 16)) };
}

/**
 * The newest record that tells of a power-on, power-off, cycle or reset, as text that differs from every earlier one's;
 * `undefined` without any.
 */
export function lastPowerEvent(records: readonly SelRecord[]): string | undefined {
  const told = records.findLast(({ bytes }) => {
    if (bytes.readUInt8(2) !== 0x02) return false;
    const type = bytes.readUInt8(10);
    const discrete = (bytes.readUInt8(12) & 0x7f) === 0x6f;
    const offset = bytes.readUInt8(13) & 0x0f;
    return discrete && (type === 0x1d || type === 0x22 || (type === 0x09 && offset <= 1));
  });
  return told && `sel ${told.id} ${told.bytes.subarray(3, 16).toString("hex")}`;
}

// Below 0x20000000: seconds since the BMC started, its clock was not set.
function selTime(seconds: number): string | undefined {
  return seconds < 0x2000_0000 || seconds === 0xffff_ffff ? undefined : new Date(seconds * 1000).toISOString();
}

const hex = (byte: number) => byte.toString(16).padStart(2, "0");
