import { DeviceError } from "#events";
import type { SystemInformation } from "../port.ts";

/** What the inventory says of a machine. */
export interface ExpectedIdentity {
  readonly uuid?: string;
  readonly serial?: string;
}

/** Throws `LO_TALOS_IDENTITY` when the machine says that it is another one. What is not known on one side contradicts nothing. */
export function checkIdentity(machine: string, expected: ExpectedIdentity, found: SystemInformation): void {
  const refuse = (what: string, is: string, meant: string): never => {
    throw new DeviceError(
      "LO_TALOS_IDENTITY",
      { target: machine, operation: "identity", effect: "none" },
      `the machine that answers has ${what} ${is}, the inventory says ${meant}`,
      { hint: "Check the address of the machine in the inventory: another machine may have it now" },
    );
  };
  const { uuid, serial } = expected;
  if (uuid && found.uuid) {
    if (![uuid.toLowerCase(), swapped(uuid)].includes(found.uuid)) refuse("uuid", found.uuid, uuid);
    // Boards keep their uuid and come back from service with a placeholder for a serial.
  } else if (serial && found.serial && serial.toLowerCase() !== found.serial.toLowerCase()) refuse("serial", found.serial, serial);
}

/** The same uuid with the first three fields in the other byte order, as firmware before SMBIOS 2.6 writes them. */
function swapped(uuid: string): string {
  const turn = (field: string) => (field.match(/../g) ?? []).toReversed().join("");
  const [a = "", b = "", c = "", ...rest] = uuid.toLowerCase().split("-");
  return [turn(a), turn(b), turn(c), ...rest].join("-");
}
