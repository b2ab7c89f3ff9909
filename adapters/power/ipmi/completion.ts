/** Completion codes (IPMI 2.0 table 5-2). */

const names: Readonly<Record<number, string>> = {
  0: "ok",
  192: "node busy",
  193: "unknown command",
  194: "command invalid for this LUN",
  195: "timeout inside the BMC",
  196: "out of space",
  197: "reservation cancelled",
  198: "request data truncated",
  199: "request length invalid",
  200: "request too long",
  201: "parameter out of range",
  202: "cannot return that many bytes",
  203: "no such record or sensor",
  204: "invalid data field",
  205: "command illegal for this sensor or record",
  206: "no response could be provided",
  207: "duplicate request",
  208: "SDR repository in update mode",
  209: "firmware update in progress",
  210: "BMC initialising",
  211: "destination unavailable",
  212: "insufficient privilege",
  213: "not possible in the present state",
  214: "sub-function disabled",
  255: "unspecified error",
};

/** A completion code as people read it: `D4 (insufficient privilege)`. */
export function completionText(code: number): string {
  const hex = code.toString(16).toUpperCase().padStart(2, "0");
  return `${hex} (${names[code] ?? "specific to the command or the vendor"})`;
}

/** The BMC is busy and may answer later. Asking again sooner than five seconds has crashed BMCs (OpenStack Ironic). */
export const isBusy = (code: number): boolean => code === 0xc0 || code === 0xc3 || code === 0xd2;

/** A refusal after which the BMC may nevertheless have done what it was asked. */
export const mayHaveActed = (code: number): boolean => code === 0xc3 || code === 0xce || code === 0xcf || code === 0xff;

/** The BMC does not have the command, or not for this user. */
export const isUnavailable = (code: number): boolean => code === unknownCommand || code === insufficientPrivilege || code === 0xd6;

/** C1: the BMC does not have the command at all. */
export const unknownCommand = 0xc1;
/** CB: an empty log, or a record that was erased. */
export const noSuchRecord = 0xcb;
/** D1. */
export const firmwareUpdating = 0xd1;
/** D4. */
export const insufficientPrivilege = 0xd4;
/** D5: on what is on, off what is off. */
export const wrongState = 0xd5;
