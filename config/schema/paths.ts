import type { Config } from "../schema.ts";
import type { BmcConfig } from "./bmc.ts";
import type { StoreConfig } from "./store.ts";

/** The configuration with each path in it passed through `absolute`. */
export function withPaths(config: Config, absolute: (path: string) => string): Config {
  return {
    ...config,
    store: ofStore(config.store, absolute),
    machines: config.machines.map(({ bmc, ...machine }) => (bmc ? { ...machine, bmc: ofBmc(bmc, absolute) } : machine)),
    ...(config.cluster && { cluster: { ...config.cluster, kubeconfig: absolute(config.cluster.kubeconfig) } }),
    ...(config.functions !== undefined && { functions: absolute(config.functions) }),
    stopFile: absolute(config.stopFile),
  };
}

function ofStore(store: StoreConfig, absolute: (path: string) => string): StoreConfig {
  if (store.kind === "embedded") return { ...store, path: absolute(store.path) };
  if (!store.tls) return store;
  return { ...store, tls: Object.fromEntries(Object.entries(store.tls).map(([key, path]) => [key, absolute(path)])) };
}

function ofBmc(bmc: BmcConfig, absolute: (path: string) => string): BmcConfig {
  if (bmc.kind !== "redfish" || bmc.tls.verify !== "ca" || bmc.tls.ca === undefined) return bmc;
  return { ...bmc, tls: { ...bmc.tls, ca: absolute(bmc.tls.ca) } };
}
