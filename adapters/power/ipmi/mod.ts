export type { CipherSuite } from "./algorithms.ts";
export { type IpmiOffer, lookAtIpmi } from "./look.ts";
export { createIpmiPower, type IpmiPowerOptions } from "./power.ts";
export { createIpmiTransport, type IpmiTransport } from "./transport.ts";
