export type { StoreFound, StorePlace } from "./look.ts";
export { inspectStore, lookAtPlace } from "./look.ts";
export type { RoomOptions } from "./room.ts";
export type { EmbeddedOptions } from "./store.ts";
export { createEmbeddedStore } from "./store.ts";
