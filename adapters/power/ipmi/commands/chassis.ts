import { type Command, nothing } from "./command.ts";

/** From Get Chassis Status (IPMI 2.0 §28.2). */
export interface ChassisStatus {
  readonly on: boolean;
  readonly fault: boolean;
  /** AC was lost since the last power on, as the last power event says. */
  readonly acLost: boolean;
  /** The bytes as the BMC gave them, hex. */
  readonly raw: string;
}

/** Whether the chassis is on, as the BMC sees it now. */
export const getChassisStatus: Command<ChassisStatus> = {
  name: "Get Chassis Status",
  netFn: 0x00,
  cmd: 0x01,
  data: Buffer.alloc(0),
  parse(data) {
    if (data.length < 3) return undefined;
    const current = data.readUInt8(0);
    return {
      on: (current & 0x01) !== 0,
      fault: (current & 0x1a) !== 0,
      acLost: (data.readUInt8(1) & 0x01) !== 0,
      raw: data.subarray(0, 4).toString("hex"),
    };
  },
};

/** Chassis Control values (IPMI 2.0 §28.3). */
export const controls = { off: 0, on: 1, reset: 3, soft: 5 } as const;

/** Asks for a power change; the answer comes before it happens. */
export const chassisControl = (what: keyof typeof controls): Command<true> => ({
  name: `Chassis Control ${what}`,
  netFn: 0x00,
  cmd: 0x02,
  data: Buffer.from([controls[what]]),
  parse: nothing,
});

/**
 * Blinks the locator light.
 *
 * @param seconds 0 stops it, at most 255
 */
export const chassisIdentify = (seconds: number): Command<true> => ({
  name: "Chassis Identify",
  netFn: 0x00,
  cmd: 0x04,
  data: Buffer.from([Math.min(255, Math.max(0, Math.round(seconds)))]),
  parse: nothing,
});
