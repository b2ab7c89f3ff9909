export type { RoomOptions } from "./room.ts";
export type { EmbeddedOptions } from "./store.ts";
export { createEmbeddedStore } from "./store.ts";
