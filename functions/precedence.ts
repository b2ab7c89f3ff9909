import type { Precedence } from "#events";

/** They keep the cluster's books: whatever is wrong with the machine itself comes first, even while they wait for a person. */
const bookkeepers = ["csr-approver", "drift-repair"];

/** Which function may take a machine over from which. A person's word comes first; nothing takes over an upgrade. */
export const precedence: Precedence = {
  "power-off": ["node-lost", "power-on", "power-cycle", ...bookkeepers],
  "power-on": ["power-off", "node-lost", ...bookkeepers],
  "power-cycle": bookkeepers,
  "node-lost": bookkeepers,
  rebuild: ["node-lost", ...bookkeepers],
  install: bookkeepers,
  upgrade: bookkeepers,
  "component-upgrade": bookkeepers,
  drill: bookkeepers,
};
