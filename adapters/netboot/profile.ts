import { readFile } from "node:fs/promises";
import { LightsoutError } from "#events";
import type { Assets } from "./assets.ts";
import type { BootProfile } from "./port.ts";

/** iPXE ends a command at these (`command_terminators`, core/exec.c); as an argument they would cut the line. */
const terminators = new Set(["&&", "||", ";", "#"]);
const path = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;
/** Room for a whole command line, and for what the boot server adds. */
const longest = 4096 - 512;

/** Whether a path may name a boot asset: plain names, no way up, nothing that iPXE or a URL reads otherwise. */
export const isAssetPath = (text: string): boolean => path.test(text) && text.length <= 300;

/** Throws `LO_BOOT_PROFILE` for what cannot stand in an iPXE script as it is. iPXE expands `${…}` itself and has no escape for it. */
export function checkProfile(machine: string, { kernel, initramfs, args }: BootProfile): void {
  for (const asset of [kernel, initramfs]) if (!isAssetPath(asset)) throw refused(machine, `${JSON.stringify(asset)} is no boot asset`);
  for (const arg of args) {
    if (!/^[!-~]+$/.test(arg)) throw refused(machine, `the kernel argument ${JSON.stringify(arg)} holds a space or a control character`);
    if (arg.includes("${")) throw refused(machine, `iPXE would expand the kernel argument ${arg}`);
    if (terminators.has(arg) || arg.endsWith("\\")) throw refused(machine, `the kernel argument ${arg} would end the command in iPXE`);
    if (/^(talos\.config|talos\.experimental\.wipe|initrd)=/.test(arg)) throw refused(machine, `${keyOf(arg)} is set by the boot server`);
  }
  const length = args.join(" ").length;
  if (length > longest) throw refused(machine, `the kernel arguments are ${length} characters long, at most ${longest} fit`);
}

const keyOf = (arg: string) => arg.slice(0, arg.indexOf("="));

const refused = (machine: string, what: string) =>
  new LightsoutError("LO_BOOT_PROFILE", `${machine} cannot be armed: ${what}`, {
    hint: "Change extraKernelArgs of its schematic; in a URL, write the braces of a variable as %7B and %7D",
  });

/** What a profile is made of. */
export interface ProfileParts {
  readonly schematic: string;
  /** With `v`: `v1.13.9`. */
  readonly version: string;
  readonly arch: "amd64" | "arm64";
  /** Besides those of the schematic. */
  readonly args?: readonly string[];
  readonly wipe?: boolean;
}

/**
 * The profile of a schematic and version, with kernel, initramfs and the Factory's own command line in the cache: booting it needs nobody
 * else. Throws `LO_ASSET`.
 */
export async function createProfile(assets: Pick<Assets, "ensure">, parts: ProfileParts, signal?: AbortSignal): Promise<BootProfile> {
  const at = (file: string) => `${parts.schematic}/${parts.version}/${file}`;
  const kernel = at(`kernel-${parts.arch}`);
  const initramfs = at(`initramfs-${parts.arch}.xz`);
  const line = await assets.ensure(at(`cmdline-metal-${parts.arch}`), signal);
  await assets.ensure(kernel, signal);
  await assets.ensure(initramfs, signal);
  const own = (await readFile(line.file, "utf8")).split(/\s+/).filter((arg) => arg !== "");
  return { kernel, initramfs, args: [...own, ...(parts.args ?? [])], ...(parts.wipe !== undefined && { wipe: parts.wipe }) };
}
