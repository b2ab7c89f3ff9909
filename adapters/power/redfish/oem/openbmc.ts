import type { Quirks } from "./quirk.ts";

/**
 * OpenBMC (bmcweb of 2026) and what is built on it.
 * - Reset types are told only by ActionInfo; On equals ForceOn; ForceRestart is a warm reboot without loss of power
 *   (bmcweb redfish-core/lib/systems.hpp).
 * - `LastResetTime` stands on the system. If-Match compares the exact ETag or `*` and is taken on PATCH, POST and DELETE.
 * - No UefiHttp override target.
 */
export const openbmc: Quirks = {
  vendor: "openbmc",
  names: /^openbmc/i,
  reset: ["ForceRestart"],
  bootSendAll: false,
  cd: ["Cd"],
  logs: ["SEL", "EventLog"],
};
