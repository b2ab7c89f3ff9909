import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import { createMachineConfigs } from "#adapters/machineconfig/mod.ts";
import { createAssets } from "#adapters/netboot/mod.ts";
import { declarationsOf } from "../declarations.ts";
import type { Config } from "../schema.ts";
import { type Finding, failure, ok, warning } from "./check.ts";
import { bindable, listenHint, type Running } from "./server.ts";

/** The boot server: where it listens, and whether what machines would boot is at hand. */
export async function checkNetboot(config: Config, running: Running | undefined): Promise<readonly Finding[]> {
  const { netboot } = config;
  if (!netboot) return [];
  const { host, port } = netboot.listen;
  const trouble = await bindable(netboot.listen);
  const served = trouble === "EADDRINUSE" && running?.site === config.site;
  const listener = served
    ? ok("listener", `${host}:${port} is served by the Lightsout that runs`)
    : trouble === undefined
      ? ok("listener", `${host}:${port} is free${netboot.url === undefined ? "" : `; machines reach it as ${netboot.url}`}`)
      : failure("listener", `${host}:${port} cannot be listened on (${trouble})`, listenHint(trouble, "netboot.listen"));
  return [listener, await checkAssets(config, netboot)];
}

async function checkAssets(config: Config, { assets: folder, source }: NonNullable<Config["netboot"]>): Promise<Finding> {
  const blocked = notWritable(folder);
  if (blocked !== undefined)
    return failure(
      "assets",
      `${blocked} cannot be written by this user`,
      "Give the user that serves write access, or name another netboot.assets",
    );
  const wanted = wantedAssets(config);
  if (wanted.length === 0) return ok("assets", `${folder} can be written; of no machine it is declared what it boots`);
  const cached = createAssets({ folder });
  const missing: string[] = [];
  for (const path of wanted) if (!(await cached.find(path))) missing.push(path);
  const seen = `${wanted.length - missing.length} of ${wanted.length} that the declared machines boot are in ${folder}`;
  if (missing.length === 0) return ok("assets", seen);
  if (source !== undefined) return ok("assets", `${seen}; the others are fetched from ${source} when they are needed`);
  return warning(
    "assets",
    `${seen}, and there is nowhere to fetch the others from: ${missing.slice(0, 3).join(", ")}`,
    "Put them there with their SHA256SUMS, or give netboot.source",
  );
}

/** The folder, or the nearest one above it, where it may not be written. */
export function notWritable(folder: string): string | undefined {
  let there = folder;
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    return there;
  }
}

function wantedAssets(config: Config): readonly string[] {
  const configs = createMachineConfigs(declarationsOf(config));
  const paths = config.machines.flatMap(({ name, talos }) => {
    if (talos?.version === undefined || talos.schematic === undefined) return [];
    const { schematic, version } = configs.declared(name);
    return [`kernel-${talos.arch}`, `initramfs-${talos.arch}.xz`, `cmdline-metal-${talos.arch}`].map(
      (file) => `${schematic}/${version}/${file}`,
    );
  });
  return [...new Set(paths)];
}
