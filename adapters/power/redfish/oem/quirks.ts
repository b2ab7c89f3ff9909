import { ami } from "./ami.ts";
import { dell } from "./dell.ts";
import { hpe } from "./hpe.ts";
import { lenovo } from "./lenovo.ts";
import { openbmc } from "./openbmc.ts";
import type { Quirks } from "./quirk.ts";
import { supermicro } from "./supermicro.ts";

const known: readonly Quirks[] = [dell, hpe, supermicro, lenovo, openbmc, ami];

/** A BMC of a maker we know nothing about: the standard, nothing else. */
export const standard: Quirks = {
  vendor: "standard",
  names: /(?:)/,
  reset: ["ForceRestart"],
  bootSendAll: false,
  cd: ["Cd", "UsbCd"],
  logs: ["SEL", "EventLog"],
};

/**
 * The quirks of the first name that a maker is known by. Pass what says most about the firmware first: the service root's
 * Vendor and Oem keys, then the board's Manufacturer.
 */
export function quirksFor(names: readonly string[]): Quirks {
  for (const name of names) {
    const found = known.find((quirks) => quirks.names.test(name));
    if (found) return found;
  }
  return standard;
}
