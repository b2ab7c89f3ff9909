import { DeviceError } from "#events";
import type { BmcIdentity } from "../port.ts";
import { type Fields, text } from "./fields.ts";

/** Who the inventory says the machine is. */
export interface Expected {
  readonly uuid?: string | undefined;
  readonly serial?: string | undefined;
}

/**
 * A uuid in every byte order known: as printed, with the first three fields turned round (SMBIOS 2.6 stores these little-endian,
 * and some firmware prints them as stored), and wholly reversed (IPMI 2.0 20.8). Empty where the text is no uuid.
 */
export function uuidReadings(given: string | undefined): readonly string[] {
  const hex = (given ?? "").replaceAll(/[-{}\s]/g, "").toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(hex)) return [];
  const turn = (part: string) => (part.match(/../g) ?? []).reverse().join("");
  const mixed = turn(hex.slice(0, 8)) + turn(hex.slice(8, 12)) + turn(hex.slice(12, 16)) + hex.slice(16);
  return [...new Set([hex, mixed, turn(hex)])].map((digits) => digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"));
}

/** What boards carry when nobody wrote an id of their own: it says nothing, so it contradicts nothing. */
function isPlaceholderUuid(uuid: string): boolean {
  const readings = uuidReadings(uuid);
  const fillers = ["03000200-0400-0500-0006-000700080009", "00010203-0405-0607-0809-0a0b0c0d0e0f"];
  return readings.length === 0 || readings.some((one) => fillers.includes(one) || new Set(one.replaceAll("-", "")).size === 1);
}

function isPlaceholderSerial(serial: string): boolean {
  const fillers =
    /^(to be filled.*|default( string)?|(system |chassis )?serial number|not .*|none|null|n\/?a|o\.?e\.?m\.?|unknown|0?123456789\d*)$/i;
  return fillers.test(serial) || /^[0x.*-]+$/i.test(serial);
}

/** Compares a system with what is expected: how many of uuid and serial agree, and the first that contradicts. */
export function contradiction(system: Fields, expect: Expected): { matched: number; why?: string } {
  let matched = 0;
  const uuid = text(system, "UUID");
  if (expect.uuid !== undefined && uuid !== undefined && !isPlaceholderUuid(uuid)) {
    if (!uuidReadings(uuid).some((one) => one === uuidReadings(expect.uuid)[0])) {
      return { matched, why: `uuid ${uuid}, expected ${expect.uuid}` };
    }
    matched += 1;
  }
  // Dell's service tag, which inventories call the serial, stands in SKU.
  const serials = [text(system, "SerialNumber"), text(system, "SKU")].filter((one) => one !== undefined && !isPlaceholderSerial(one));
  if (expect.serial !== undefined && serials.length > 0) {
    const wanted = expect.serial.trim().toLowerCase();
    if (!serials.some((one) => one?.toLowerCase() === wanted)) return { matched, why: `serial ${serials[0]}, expected ${expect.serial}` };
    matched += 1;
  }
  return { matched };
}

/** Throws `LO_BMC_IDENTITY` (effect none) where the system just read is another machine than the one meant. */
export function assertIdentity(machine: string, operation: string, system: Fields, expect: Expected): void {
  const { why } = contradiction(system, expect);
  if (why === undefined) return;
  throw new DeviceError(
    "LO_BMC_IDENTITY",
    { target: machine, operation, effect: "none" },
    `this BMC belongs to another machine: it reports ${why}`,
    {
      hint: "Check the BMC address, uuid and serial of this machine in lightsout.yaml",
    },
  );
}

/** What the BMC reports of the machine, and of itself. */
export function identityOf(system: Fields, manager: Fields): BmcIdentity {
  const entries = {
    serial: text(system, "SerialNumber"),
    manufacturer: text(system, "Manufacturer"),
    model: text(system, "Model"),
    firmware: text(manager, "FirmwareVersion"),
  };
  const told = Object.entries(entries).filter(([, value]) => value !== undefined);
  return { uuids: uuidReadings(text(system, "UUID")), ...Object.fromEntries(told) };
}
