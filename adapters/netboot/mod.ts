export { createArms } from "./arms.ts";
export { createAssets } from "./assets.ts";
export { createDnsmasqConfig, type DnsmasqOptions } from "./dnsmasq.ts";
export { createNetboot, type Netboot, type NetbootNotice, type NetbootOptions } from "./netboot.ts";
export { createProfile } from "./profile.ts";
