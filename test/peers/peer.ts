import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];

/**
 * The path of a program that this project did not write, or `undefined` where it is not installed: then the report names it and how to
 * install it. With `PEERS_REQUIRED=1` that is an error.
 *
 * @param install the Debian package, or, with a space in it, the command
 */
export function peer(program: string, install = program): string | undefined {
  const found = folders.map((folder) => join(folder, program)).find(isExecutable);
  return found ?? missing(program, install.includes(" ") ? install : `Debian: apt-get install ${install}`);
}

/** Says that a peer is not there and how to get it. With `PEERS_REQUIRED=1` that is an error. */
export function missing(program: string, how: string): undefined {
  if (process.env.PEERS_REQUIRED === "1") throw new Error(`The peer ${program} is not installed. ${how}`);
  console.warn(`The peer ${program} is not installed: what it would judge is skipped. ${how}`);
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
