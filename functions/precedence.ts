import type { Precedence } from "#events";

/** Which function may take a machine over from which. A person's word comes first; nothing takes over an upgrade. */
export const precedence: Precedence = {
  "power-off": ["node-lost", "power-on", "power-cycle"],
  "power-on": ["power-off", "node-lost"],
  rebuild: ["node-lost"],
};
