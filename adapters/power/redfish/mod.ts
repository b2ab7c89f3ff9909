export { createRedfishPower } from "./power.ts";
export type { RedfishRoot } from "./root.ts";
export { lookAtRedfish } from "./root.ts";
export type { RedfishOptions } from "./session.ts";
export type { Pins, RedfishTls, ShownCertificate } from "./tls.ts";
export { fingerprintOf, lookAtCertificate } from "./tls.ts";
