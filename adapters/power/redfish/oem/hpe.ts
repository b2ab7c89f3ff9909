import type { Quirks } from "./quirk.ts";

/**
 * HPE iLO 4, 5 and 6.
 * - A warm reset is GracefulRestart (NVIDIA libredfish, hpe.rs: "hpe ilo does warm reset with gracefulrestart op").
 * - Gen9 has no BootSourceOverrideMode: only properties that the system shows are ever sent (ironic).
 * - PostState stands under Oem.Hpe (iLO 5, 6) or Oem.Hp (iLO 4); values from HPE's iLO REST API data model.
 * - The Integrated Management Log `IML` is the system's; power events of the enclosure are in `IEL` of the manager.
 */
export const hpe: Quirks = {
  vendor: "hpe",
  names: /^(hpe?|ilo|hewlett)\b/i,
  reset: ["GracefulRestart", "ForceRestart"],
  bootSendAll: false,
  cd: ["Cd"],
  logs: ["IML", "IEL"],
  post: { path: ["Oem", "Hpe", "PostState"], running: ["InPost", "InPostDiscoveryComplete"], ended: ["FinishedPost", "PowerOff"] },
  updating: { path: ["Oem", "Hpe", "State"], idle: ["Idle", "Complete", "Error"] },
};
