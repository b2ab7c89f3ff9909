import { accessSync, constants, statSync } from "node:fs";
import type { Config } from "../schema.ts";
import type { BmcConfig } from "./bmc.ts";
import type { Finding } from "./problem.ts";
import type { SnapshotsConfig } from "./snapshots.ts";
import { present, type StoreConfig } from "./store.ts";
import type { MachineTalos } from "./talos-merge.ts";

/** The configuration with each path in it passed through `absolute`. */
export function withPaths(config: Config, absolute: (path: string) => string): Config {
  return {
    ...config,
    store: ofStore(config.store, absolute),
    machines: config.machines.map(({ bmc, talos, ...machine }) => ({
      ...machine,
      ...present({ bmc: bmc && ofBmc(bmc, absolute), talos: talos && ofTalos(talos, absolute) }),
    })),
    ...present({
      talos: config.talos && withFile(config.talos, "talosconfig", absolute),
      netboot: config.netboot && { ...withFile(config.netboot, "programs", absolute), assets: absolute(config.netboot.assets) },
      snapshots: config.snapshots && { ...config.snapshots, to: ofTarget(config.snapshots.to, absolute) },
      cni: config.cni && ("manifests" in config.cni ? { manifests: config.cni.manifests.map(absolute) } : config.cni),
    }),
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

const ofTarget = (to: SnapshotsConfig["to"], absolute: (path: string) => string) => ("folder" in to ? { folder: absolute(to.folder) } : to);

const ofTalos = ({ base, patches, ...talos }: MachineTalos, absolute: (path: string) => string): MachineTalos => ({
  ...talos,
  ...(base !== undefined && { base: absolute(base) }),
  patches: patches.map(absolute),
});

function withFile<Key extends string, T extends { readonly [K in Key]?: string | undefined }>(
  section: T,
  key: Key,
  absolute: (path: string) => string,
): T {
  const path = section[key];
  return path === undefined ? section : { ...section, [key]: absolute(path) };
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
  need(["netboot", "programs"], config.netboot?.programs, "folder");
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
