export { createRedfishPower } from "./power.ts";
export type { RedfishOptions } from "./session.ts";
export type { Pins, RedfishTls } from "./tls.ts";
