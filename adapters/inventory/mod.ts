export { normaliseHost } from "./host.ts";
export { createInventory } from "./inventory.ts";
export { nearest } from "./nearest.ts";
export { type ImportedNode, importNightwatch } from "./nightwatch.ts";
export type { Machine, Role, Trust } from "./port.ts";
