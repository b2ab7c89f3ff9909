import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type Raw, readDocument } from "../schema/document.ts";
import type { Config } from "../schema.ts";
import { type Environment, referredFile } from "../secret.ts";
import { type Finding, failure, ok, warning } from "./check.ts";

interface Named {
  readonly file: string;
  readonly what: string;
  readonly secret: boolean;
  /** It is made by Lightsout itself when its time comes. */
  readonly later?: boolean;
}

/** Files that the configuration names: whether they can be read, and whether others can read the secret ones. */
export function checkFiles(config: Config, from: { file: string; env: Environment }): readonly Finding[] {
  const all = namedFiles(config, from);
  const troubles = all.flatMap((named) => judge(named) ?? []);
  if (troubles.length > 0) return troubles;
  const there = all.filter(({ file }) => existsSync(file));
  if (there.length === 0) return [ok("files", "it names none that is there already")];
  const secret = there.filter((named) => named.secret).length;
  return [ok("files", `${there.length} that it names can be read; ${secret} of them are secret, and none of these is open to everybody`)];
}

function namedFiles(config: Config, { env, file }: { file: string; env: Environment }): readonly Named[] {
  const found: Named[] = [];
  const add = (path: string | undefined, what: string, secret: boolean, later = false) => {
    if (path !== undefined && !found.some((one) => one.file === path)) found.push({ file: path, what, secret, later });
  };
  for (const path of references(readDocument(file, readFileSync(file)).value, { env, folder: dirname(file) })) add(path, "a secret", true);
  add(config.cluster?.kubeconfig, "the kubeconfig", true, true);
  add(config.talos?.talosconfig, "the talosconfig", true);
  for (const { name, talos } of config.machines) {
    add(talos?.base, `the base configuration of ${name}`, true);
    for (const patch of talos?.patches ?? []) add(patch, `a patch of ${name}`, true);
  }
  if (config.store.kind === "embedded") add(config.store.path, "the store", true, true);
  else for (const [key, path] of Object.entries(config.store.tls ?? {})) add(path, `store.tls.${key}`, key === "key");
  if (config.cni && "manifests" in config.cni) for (const path of config.cni.manifests) add(path, "a manifest of the CNI", false);
  return found;
}

function references(raw: Raw, from: { env: Environment; folder: string }): readonly string[] {
  if (typeof raw === "string") return [referredFile(raw, from)].filter((path) => path !== undefined);
  if (raw === undefined) return [];
  return Object.values(raw).flatMap((item) => references(item, from));
}

function judge({ file, what, secret, later }: Named): Finding | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) {
    if (later) return undefined;
    return failure(
      "files",
      `${file}, ${what}, is not there`,
      "Correct the path, or put it there; paths start at the folder of the configuration",
    );
  }
  try {
    accessSync(file, constants.R_OK);
  } catch {
    return failure("files", `${file}, ${what}, cannot be read by this user`, "Run as the user that serves, or let this one read it");
  }
  if (!secret || (found.mode & 0o007) === 0) return undefined;
  const mode = (found.mode & 0o777).toString(8).padStart(4, "0");
  return failure("files", `${file}, ${what}, is open to everybody on this host (mode ${mode})`, `chmod 600 ${file}`);
}

/** The local stop. */
export function checkStop(stopFile: string): Finding {
  const found = statSync(stopFile, { throwIfNoEntry: false });
  if (!found) return ok("STOP file", `${stopFile} is not there: acts are not stopped`);
  return warning(
    "STOP file",
    `${stopFile} has been there since ${found.mtime.toISOString()}: nothing is done while it is`,
    `When it is safe: rm ${stopFile}`,
  );
}
