import { type Command, nothing } from "./command.ts";

/** Who the BMC is, from Get Device ID (IPMI 2.0 §20.1). */
export interface DeviceId {
  readonly firmware: string;
  readonly updating: boolean;
  /** IANA enterprise number. */
  readonly manufacturer: number;
  readonly product: number;
  readonly hasSel: boolean;
  readonly hasFru: boolean;
}

/** Asks the BMC what it is; answers while its firmware is updated too. */
export const getDeviceId: Command<DeviceId> = {
  name: "Get Device ID",
  netFn: 0x06,
  cmd: 0x01,
  data: Buffer.alloc(0),
  parse(data) {
    if (data.length < 11) return undefined;
    const minor = data.readUInt8(3);
    const support = data.readUInt8(5);
    return {
      firmware: `${data.readUInt8(2) & 0x7f}.${minor >> 4}${minor & 0x0f}`,
      updating: (data.readUInt8(2) & 0x80) !== 0,
      manufacturer: data.readUIntLE(6, 3) & 0xfffff,
      product: data.readUInt16LE(9),
      hasSel: (support & 0x04) !== 0,
      hasFru: (support & 0x08) !== 0,
    };
  },
};

/** The 16 raw bytes of the system's GUID; see `readGuid` for what they may mean. */
export const getSystemGuid: Command<Buffer> = {
  name: "Get System GUID",
  netFn: 0x06,
  cmd: 0x37,
  data: Buffer.alloc(0),
  parse: (data) => (data.length >= 16 ? data.subarray(0, 16) : undefined),
};

/** Raises the session to `level` (2 user, 3 operator, 4 administrator); answers the new level. */
export const setSessionPrivilege = (level: number): Command<number> => ({
  name: "Set Session Privilege Level",
  netFn: 0x06,
  cmd: 0x3b,
  data: Buffer.from([level]),
  parse: (data) => (data.length >= 1 ? data.readUInt8(0) & 0x0f : undefined),
});

/** What a BMC says of itself before any login (IPMI 2.0 §22.13), asked with the 2.0 extension. */
export const getAuthCapabilities: Command<{ readonly rmcpPlus: boolean; readonly hasKg: boolean }> = {
  name: "Get Channel Authentication Capabilities",
  netFn: 0x06,
  cmd: 0x38,
  data: Buffer.from([0x8e, 0x04]),
  parse(data) {
    if (data.length < 8) return undefined;
    const extended = (data.readUInt8(1) & 0x80) !== 0;
    return { rmcpPlus: extended && (data.readUInt8(3) & 0x02) !== 0, hasKg: (data.readUInt8(2) & 0x20) !== 0 };
  },
};

/** What one user may do on the channel of this session (IPMI 2.0 §22.27). `privilege`: 1 callback to 4 administrator, 5 OEM, 15 none. */
export const getUserAccess = (user: number): Command<{ readonly users: number; readonly privilege: number }> => ({
  name: "Get User Access",
  netFn: 0x06,
  cmd: 0x44,
  data: Buffer.from([0x0e, user]),
  parse: (data) => (data.length >= 4 ? { users: data.readUInt8(0) & 0x3f, privilege: data.readUInt8(3) & 0x0f } : undefined),
});

/** The name of one user, 16 bytes filled up with zeros (IPMI 2.0 §22.29). */
export const getUserName = (user: number): Command<string> => ({
  name: "Get User Name",
  netFn: 0x06,
  cmd: 0x46,
  data: Buffer.from([user]),
  parse: (data) => data.subarray(0, 16).toString("utf8").replace(/\0.*$/s, ""),
});

/** Restarts the BMC. Many restart without answering. */
export const coldReset: Command<true> = { name: "Cold Reset", netFn: 0x06, cmd: 0x02, data: Buffer.alloc(0), parse: nothing };

/** One 16-byte chunk of the list of cipher suites (IPMI 2.0 §22.15). */
export const getCipherSuites = (index: number): Command<Buffer> => ({
  name: "Get Channel Cipher Suites",
  netFn: 0x06,
  cmd: 0x54,
  data: Buffer.from([0x0e, 0x00, 0x80 | index]),
  parse: (data) => (data.length >= 1 ? data.subarray(1, 17) : undefined),
});

/** The suite ids in the joined chunks: records start with C0 or C1, all other bytes are below C0. */
export function parseCipherSuites(records: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at + 1 < records.length; ) {
    const start = records.readUInt8(at);
    if (start === 0xc0) found.push(records.readUInt8(at + 1));
    at += start === 0xc0 ? 2 : start === 0xc1 ? 5 : 1;
  }
  return found;
}
