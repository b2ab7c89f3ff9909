import type { BootOverride, BootTarget } from "../../port.ts";
import { type Command, nothing } from "./command.ts";

/** System boot options (IPMI 2.0 §28.12 to §28.14, table 28-14). */

/** What a BMC can be told over IPMI: it has no place for an address. */
export type IpmiBootTarget = Exclude<BootTarget, "http">;

const devices: Readonly<Record<IpmiBootTarget, number>> = { none: 0, pxe: 1, disk: 2, cd: 5, bios: 6 };
const targets = new Map<number, IpmiBootTarget>(Object.entries(devices).map(([target, device]) => [device, target as IpmiBootTarget]));

const setBootOption = (name: string, parameter: number, ...data: number[]): Command<true> => ({
  name: `Set System Boot Options (${name})`,
  netFn: 0x00,
  cmd: 0x08,
  data: Buffer.from([parameter, ...data]),
  parse: nothing,
});

/** Parameter 4: the BIOS has not handled these flags yet. */
export const acknowledgeBootInfo = setBootOption("boot info acknowledge", 4, 0x01, 0x01);

/** Parameter 3: keep the flags although no chassis control follows within 60 s. */
export const keepBootFlags = setBootOption("keep flags", 3, 0x08);

/** Parameter 5: boot from `target` at the next start only. */
export const setBootFlags = (target: IpmiBootTarget, efi: boolean): Command<true> =>
  setBootOption("boot flags", 5, 0x80 | (efi && target !== "none" ? 0x20 : 0), devices[target] << 2, 0, 0, 0);

/** Parameter 5 as read back. */
export interface BootFlags {
  readonly valid: boolean;
  readonly persistent: boolean;
  readonly efi: boolean;
  /** What the device nibble says, in force or not. */
  readonly device: BootTarget | "other";
  /** Hex. */
  readonly raw: string;
}

/** Reads parameter 5. */
export const getBootFlags: Command<BootFlags> = {
  name: "Get System Boot Options (boot flags)",
  netFn: 0x00,
  cmd: 0x09,
  data: Buffer.from([5, 0, 0]),
  parse(data) {
    if (data.length < 4 || (data.readUInt8(1) & 0x7f) !== 5) return undefined;
    const flags = data.readUInt8(2);
    return {
      valid: (flags & 0x80) !== 0,
      persistent: (flags & 0x40) !== 0,
      efi: (flags & 0x20) !== 0,
      device: targets.get((data.readUInt8(3) >> 2) & 0x0f) ?? "other",
      raw: data.subarray(2, 7).toString("hex"),
    };
  },
};

/** What is in force: flags without the valid bit are leftovers of an earlier boot. */
export function inForce(flags: BootFlags): BootOverride {
  const target = flags.valid ? flags.device : "none";
  return { target, once: target !== "none" && !flags.persistent, raw: flags.raw };
}
