import type { Quirks } from "./quirk.ts";

/**
 * Supermicro X10 to X13, H11 to H13.
 * - Enabled and Mode must be sent every time, or the BMC falls back to its defaults (github.com/DMTF/Redfishtool/pull/106); X10 has no
 *   Mode and refuses it, so it is sent only where the system shows it.
 * - Reset types are often told only by ActionInfo (bmclib fixtures); PowerCycle and PushPowerButton are missing.
 * - Virtual CD boots as UsbCd (ironic, sushy).
 * - The event log is `Log1` of the system (X11 to X13).
 */
export const supermicro: Quirks = {
  vendor: "supermicro",
  names: /^(supermicro|super micro|smc)/i,
  reset: ["ForceRestart"],
  bootSendAll: true,
  cd: ["UsbCd", "Cd"],
  logs: ["Log1", "SEL"],
};
