import { DeviceError, isPlaceholderSerial, isPlaceholderUuid, sameSerial, sameUuid } from "#events";
import type { SystemInformation } from "../port.ts";

/** What the inventory says of a machine. */
export interface ExpectedIdentity {
  readonly uuid?: string | undefined;
  readonly serial?: string | undefined;
}

/**
 * Throws `LO_TALOS_IDENTITY` when the machine says that it is another one. What is unknown on one side, or a maker's filler,
 * contradicts nothing.
 */
export function checkIdentity(machine: string, expected: ExpectedIdentity, found: SystemInformation): void {
  const refuse = (what: string, is: string, meant: string): never => {
    throw new DeviceError(
      "LO_TALOS_IDENTITY",
      { target: machine, operation: "identity", effect: "none" },
      `the machine that answers has ${what} ${is}, the inventory says ${meant}`,
      { hint: "Check the address, uuid and serial of this machine in lightsout.yaml: another machine may have the address now" },
    );
  };
  const { uuid, serial } = expected;
  if (uuid && found.uuid && !isPlaceholderUuid(found.uuid) && !sameUuid(found.uuid, uuid)) refuse("uuid", found.uuid, uuid);
  if (serial && found.serial && !isPlaceholderSerial(found.serial) && !sameSerial(found.serial, serial))
    refuse("serial", found.serial, serial);
}
