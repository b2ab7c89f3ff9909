import { DeviceError, isPlaceholderSerial, isPlaceholderUuid, sameSerial, sameUuid, uuidByteOrders } from "#events";
import type { BmcIdentity } from "../port.ts";
import { type Fields, text } from "./fields.ts";

/** Who the inventory says the machine is. */
export interface Expected {
  readonly uuid?: string | undefined;
  readonly serial?: string | undefined;
}

/** Compares a system with what is expected: how many of uuid and serial agree, and the first that contradicts. */
export function contradiction(system: Fields, expect: Expected): { matched: number; why?: string } {
  let matched = 0;
  const uuid = text(system, "UUID");
  if (expect.uuid !== undefined && uuid !== undefined && !isPlaceholderUuid(uuid)) {
    if (!sameUuid(uuid, expect.uuid)) return { matched, why: `uuid ${uuid}, expected ${expect.uuid}` };
    matched += 1;
  }
  // Dell's service tag, which inventories call the serial, stands in SKU.
  const serials = [text(system, "SerialNumber"), text(system, "SKU")].filter((one) => one !== undefined && !isPlaceholderSerial(one));
  if (expect.serial !== undefined && serials.length > 0) {
    const wanted = expect.serial;
    if (!serials.some((one) => one !== undefined && sameSerial(one, wanted)))
      return { matched, why: `serial ${serials[0]}, expected ${expect.serial}` };
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
  return { uuids: uuidByteOrders(text(system, "UUID") ?? ""), ...Object.fromEntries(told) };
}
