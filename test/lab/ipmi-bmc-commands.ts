import type { CipherSuite } from "#adapters/power/ipmi/algorithms.ts";
import type { Host, HostAction, HostLogEntry } from "./host.ts";
import { fruBytes } from "./ipmi-bmc-fru.ts";
import { sdrInfo, sdrPart } from "./ipmi-bmc-sdr.ts";

/** One command as the BMC got it. */
export interface IpmiRequest {
  readonly netFn: number;
  readonly cmd: number;
  readonly data: Buffer;
}

interface Reply {
  readonly completion: number;
  readonly data: Buffer;
}

interface Context {
  readonly session: { privilege: number; readonly maxPrivilege: number };
  close(bmcId: number): boolean;
}

const ok = (...bytes: number[]): Reply => ({ completion: 0, data: Buffer.from(bytes) });
const give = (data: Buffer): Reply => ({ completion: 0, data });
const refuse = (completion: number): Reply => ({ completion, data: Buffer.alloc(0) });
const short = 0xc7;

const actions: Readonly<Record<number, HostAction>> = { 0: "force-off", 1: "on", 2: "cycle", 3: "reset", 4: "nmi", 5: "graceful-off" };
const devices = new Map([
  [0, "none"],
  [1, "pxe"],
  [2, "disk"],
  [5, "cd"],
  [6, "bios"],
]);
/** The slot of the account; the first is for nobody. */
const userId = 2;
const operator = new Set(["0/2", "0/4", "0/8", "a/47", "6/44", "6/46"]);
const administrator = new Set(["6/2"]);
const selCommands = new Set(["a/40", "a/42", "a/43"]);

/** What the BMC reports as the system's GUID, as raw bytes in the given order. */
export function wireGuid(host: Host, order: "smbios" | "rfc" | "ipmi"): Buffer {
  const rfc = Buffer.from((host.faults.reports?.uuid ?? host.identity.uuid).replaceAll("-", ""), "hex");
  if (order === "rfc") return rfc;
  if (order === "ipmi") return rfc.reverse();
  const part = (from: number, to: number) => Buffer.from(rfc.subarray(from, to)).reverse();
  return Buffer.concat([part(0, 4), part(4, 6), part(6, 8), rfc.subarray(8)]);
}

/** The commands of a simulated BMC. `sessions` counts those that are open, `restart` is called by a cold reset. */
export function createIpmiCommands(options: {
  host: Host;
  offered: readonly CipherSuite[];
  guidOrder: "smbios" | "rfc" | "ipmi";
  hasKg: boolean;
  keepsLog: boolean;
  selStep: number;
  sessions: () => number;
  restart: () => void;
  user: { readonly name: string; readonly privilege: number };
}) {
  const { user, host, offered, guidOrder, hasKg, keepsLog, selStep, sessions, restart } = options;
  let identifying = false;

  const outside: Record<string, (data: Buffer) => Reply> = {
    "6/37": () => give(wireGuid(host, guidOrder)),
    "6/38": (data) => (data.length < 2 ? refuse(short) : ok(1, 0x80, hasKg ? 0x24 : 0x04, 0x02, 0, 0, 0, 0)),
    "6/54"(data) {
      if (data.length < 3) return refuse(short);
      const records = Buffer.from(offered.flatMap((id) => [0xc0, id, ...(id === 17 ? [0x03, 0x44, 0x81] : [0x01, 0x41, 0x81])]));
      const from = (data.readUInt8(2) & 0x3f) * 16;
      return give(Buffer.concat([Buffer.from([1]), records.subarray(from, from + 16)]));
    },
  };

  const inside: Record<string, (data: Buffer, context: Context) => Reply> = {
    "6/1": () =>
      ok(0x20, 0x01, 2 | (host.faults.firmwareUpdate ? 0x80 : 0), 0x71, 0x02, keepsLog ? 0x8e : 0x8a, 0xa2, 0x02, 0x00, 0x00, 0x01),
    "6/2"() {
      restart();
      return ok();
    },
    "6/3b"(data, { session }) {
      const level = data[0];
      if (level === undefined) return refuse(short);
      if (level > session.maxPrivilege) return refuse(0x81);
      if (level > 0) session.privilege = level;
      return ok(session.privilege);
    },
    "6/3c": (data, { close }) => (data.length < 4 ? refuse(short) : close(data.readUInt32LE(0)) ? ok() : refuse(0x87)),
    // Channel 1 is the only one: LAN, many sessions, IPMI's own vendor number (IPMI 2.0 §22.24).
    "6/42"(data) {
      if (data.length < 1) return refuse(short);
      return data[0] === 1 || data[0] === 0x0e ? ok(1, 0x04, 0x01, 0x80 | sessions(), 0xf2, 0x1b, 0, 0, 0) : refuse(0xcc);
    },
    "6/44": (data) => (data.length < 2 ? refuse(short) : ok(10, 2, 1, 0x10 | (data[1] === userId ? user.privilege : 0x0f))),
    "6/46": (data) =>
      data.length < 1 ? refuse(short) : give(Buffer.alloc(16).fill(data[0] === userId ? user.name.padEnd(16, "\0") : "\0")),
    "0/1": () =>
      ok((host.reportedPower() === "off" ? 0 : 1) | 0x20, host.log.at(-1)?.what === "ac-restored" ? 1 : 0, 0x40 | (identifying ? 0x10 : 0)),
    "0/2"(data) {
      if (data.length < 1) return refuse(short);
      const action = actions[data.readUInt8(0)];
      if (!action) return refuse(0xcc);
      return host.press(action, "bmc") === "already" && host.faults.refusesAlready ? refuse(0xd5) : ok();
    },
    "0/4"(data) {
      identifying = data[0] !== 0;
      return ok();
    },
    "0/8"(data) {
      const parameter = data[0];
      if (parameter === undefined) return refuse(short);
      if (parameter === 3 || parameter === 4) return ok();
      if (parameter !== 5) return refuse(0x80);
      if (data.length < 6) return refuse(short);
      const [flags, device] = [data.readUInt8(1), (data.readUInt8(2) >> 2) & 0x0f];
      const target = devices.get(device);
      if (target === undefined) return refuse(0xcc);
      host.boot = { target, once: (flags & 0x40) === 0 && device !== 0, mode: flags & 0x20 ? "UEFI" : "Legacy" };
      return ok();
    },
    "0/9"(data) {
      if (data.length < 3) return refuse(short);
      if (data[0] !== 5) return refuse(0x80);
      const { target, once, mode } = host.boot;
      const device = [...devices].find(([, name]) => name === target)?.[0] ?? 0;
      const flags = device === 0 ? 0 : 0x80 | (once ? 0 : 0x40) | (mode === "UEFI" ? 0x20 : 0);
      return ok(0x01, 0x05, flags, device << 2, 0, 0, 0);
    },
    "a/40"() {
      const count = selRecords(host, selStep).length;
      return ok(0x51, count & 0xff, count >> 8, 0xff, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0, 0x02);
    },
    "a/42": () => ok(0x01, 0x00),
    "a/43"(data) {
      if (data.length < 6) return refuse(short);
      const records = selRecords(host, selStep);
      const asked = data.readUInt16LE(2);
      const known = records.findIndex((record) => record.readUInt16LE(0) === asked);
      const index = asked === 0 ? 0 : asked === 0xffff ? records.length - 1 : known;
      const record = records[index];
      if (!record) return refuse(0xcb);
      const next = records[index + 1]?.subarray(0, 2) ?? Buffer.from([0xff, 0xff]);
      return give(Buffer.concat([next, record]));
    },
    "a/20": () => give(sdrInfo()),
    "a/22": () => ok(0x01, 0x00),
    "a/23"(data) {
      if (data.length < 6) return refuse(short);
      const part = sdrPart(host, data);
      return part ? give(part) : refuse(0xcb);
    },
    "a/10"(data) {
      const { length } = fruBytes(host);
      return data[0] === 0 ? ok(length & 0xff, length >> 8, 0) : refuse(0xcb);
    },
    "a/11"(data) {
      if (data.length < 4) return refuse(short);
      if (data[0] !== 0) return refuse(0xcb);
      const from = data.readUInt16LE(1);
      const part = fruBytes(host).subarray(from, from + Math.min(32, data.readUInt8(3)));
      return part.length === 0 ? refuse(0xc9) : give(Buffer.concat([Buffer.from([part.length]), part]));
    },
    "2c/2"(data) {
      if (data[0] !== 0xdc) return refuse(0xc1);
      const reading = Buffer.alloc(18);
      reading.writeUInt8(0xdc, 0);
      for (const offset of [1, 3, 5, 7]) reading.writeUInt16LE(host.watts(), offset);
      reading.writeUInt32LE(1000, 13);
      reading.writeUInt8(0x40, 17);
      return give(reading);
    },
  };

  const key = ({ netFn, cmd }: IpmiRequest) => `${netFn.toString(16)}/${cmd.toString(16)}`;

  return {
    /** Before or outside a session. */
    runOutside(request: IpmiRequest): Reply {
      const command = outside[key(request)];
      return command ? command(request.data) : refuse(inside[key(request)] ? 0xd4 : 0xc1);
    },
    run(request: IpmiRequest, context: Context): Reply {
      const name = key(request);
      const needed = administrator.has(name) ? 4 : operator.has(name) ? 3 : 2;
      if (context.session.privilege < needed) return refuse(0xd4);
      const command = keepsLog || !selCommands.has(name) ? inside[name] : undefined;
      return command ? command(request.data, context) : (outside[name]?.(request.data) ?? refuse(0xc1));
    },
  };
}

// Sensor type and offset, bit 7 of the third = deasserted (IPMI 2.0 table 42-3).
const events: Readonly<Partial<Record<HostLogEntry["what"], readonly [type: number, offset: number, edge: number]>>> = {
  "power-on": [0x09, 0x00, 0x80],
  "power-off": [0x09, 0x00, 0x00],
  reset: [0x1d, 0x01, 0x00],
  "ac-lost": [0x09, 0x04, 0x00],
  "ac-restored": [0x09, 0x04, 0x80],
  button: [0x14, 0x00, 0x00],
};

function selRecords(host: Host, step: number): Buffer[] {
  const told = host.log.flatMap((entry) => {
    const event = events[entry.what];
    return event ? [{ at: entry.at, event }] : [];
  });
  return told.map(({ at, event: [type, offset, edge] }, index) => {
    const record = Buffer.alloc(16);
    record.writeUInt16LE(1 + index * step, 0);
    record.writeUInt8(0x02, 2);
    record.writeUInt32LE(Math.floor(at / 1000), 3);
    record.writeUInt8(0x20, 7);
    record.writeUInt8(0x04, 9);
    record.writeUInt8(type, 10);
    record.writeUInt8(0x01, 11);
    record.writeUInt8(edge | 0x6f, 12);
    record.writeUInt8(offset, 13);
    record.fill(0xff, 14);
    return record;
  });
}
