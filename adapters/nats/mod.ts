export type { NatsAddress } from "./dial.ts";
export type { Door, DoorAnswer, DoorOptions, Knock } from "./door.ts";
export { openDoor } from "./door.ts";
export type { NatsFound } from "./look.ts";
export { lookAtNats } from "./look.ts";
export type { NatsStoreOptions } from "./store.ts";
export { createNatsStore } from "./store.ts";
