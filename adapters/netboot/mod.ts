export { createArms } from "./arms.ts";
export { createAssets } from "./assets.ts";
export { createDnsmasqConfig, type DnsmasqOptions } from "./dnsmasq.ts";
export { type BootServer, createNetboot, type NetbootNotice, type NetbootOptions } from "./netboot.ts";
export { type BootDeclaration, createPreparation } from "./prepare.ts";
export { createProfile } from "./profile.ts";
export { watchArms } from "./watcher.ts";
