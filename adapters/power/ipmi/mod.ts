export type { CipherSuite } from "./algorithms.ts";
export type { Expectation } from "./identity.ts";
export { createIpmiPower, type IpmiPowerOptions } from "./power.ts";
export type { IpmiTimeouts } from "./timing.ts";
export { createIpmiTransport, type IpmiTransport } from "./transport.ts";
