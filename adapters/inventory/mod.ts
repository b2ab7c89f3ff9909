export { createInventory } from "./inventory.ts";
export { nearest } from "./nearest.ts";
export type { Machine, Role, Trust } from "./port.ts";
