export type { RedfishAuth } from "./auth.ts";
export type { Timeouts } from "./http.ts";
export type { Expected } from "./identity.ts";
export { createRedfishPower } from "./power.ts";
export type { RedfishOptions } from "./session.ts";
export type { Pins, RedfishTls } from "./tls.ts";
