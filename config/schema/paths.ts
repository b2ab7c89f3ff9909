import { accessSync, constants, statSync } from "node:fs";
import type { Config } from "../schema.ts";
import type { BmcConfig } from "./bmc.ts";
import type { Finding } from "./problem.ts";
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

/** Files and folders that the configuration, with absolute paths, needs from the first moment and that are not there. */
export function missingFiles(config: Config): readonly Finding[] {
  const found: Finding[] = [];
  const need = (path: readonly (string | number)[], file: string | undefined, what: "file" | "folder") => {
    if (file === undefined || isThere(file, what)) return;
    found.push({
      path,
      message: `${file} is no ${what} that can be read`,
      fix: "Correct the path; it is relative to the folder of this file",
    });
  };
  need(["functions"], config.functions, "folder");
  for (const [key, file] of Object.entries((config.store.kind === "nats" && config.store.tls) || {}))
    need(["store", "nats", "tls", key], file, "file");
  for (const [index, { bmc }] of config.machines.entries()) {
    if (bmc?.kind === "redfish" && bmc.tls.verify === "ca") need(["machines", index, "bmc", "tls", "ca"], bmc.tls.ca, "file");
  }
  return found;
}

function isThere(path: string, what: "file" | "folder"): boolean {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isDirectory() === (what === "folder");
  } catch {
    return false;
  }
}
