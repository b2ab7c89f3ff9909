import type { Command } from "./command.ts";

const groupExtension = 0xdc;

/** Present draw in watts (DCMI 1.5 §6.6.1). BMCs without DCMI answer C1. `undefined` while no reading is active. */
export const getPowerReading: Command<{ watts: number | undefined }> = {
  name: "DCMI Get Power Reading",
  netFn: 0x2c,
  cmd: 0x02,
  data: Buffer.from([groupExtension, 0x01, 0x00, 0x00]),
  parse(data) {
    if (data.length < 18 || data[0] !== groupExtension) return undefined;
    return { watts: (data.readUInt8(17) & 0x40) === 0 ? undefined : data.readUInt16LE(1) };
  },
};
