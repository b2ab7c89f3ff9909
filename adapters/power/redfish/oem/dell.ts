import type { Quirks } from "./quirk.ts";

/**
 * Dell iDRAC 8, 9 and 10.
 * - iDRAC9 (R640, R6515) has no ForceOn; older 2020 firmware (R740xd) lacks GracefulRestart: ForceRestart is on all of them
 *   (sushy's Dell samples; github.com/quadsproject/badfish/issues/10).
 * - iDRAC10: Boot is read-only on the system and taken by its settings resource; the router in boot.ts finds that by looking
 *   (github.com/stmcginnis/gofish/pull/511).
 * - `Cd` is the virtual drive from iDRAC9 6.00 on, the physical one before (ironic; github.com/dell/iDRAC-Redfish-Scripting/issues/90).
 * - The SEL is `Sel` under the manager (iDRAC9 4.x to 7.x).
 */
export const dell: Quirks = {
  vendor: "dell",
  names: /^(dell|idrac|integrated dell)/i,
  reset: ["ForceRestart"],
  bootSendAll: false,
  cd: ["Cd"],
  logs: ["Sel", "Lclog"],
};
