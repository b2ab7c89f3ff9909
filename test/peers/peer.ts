import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];

/**
 * The path of a program that this project did not write, or `undefined` where it is not installed. With `PEERS_REQUIRED=1`
 * a missing one is an error that says how to install it.
 *
 * @param install the Debian package, or, with a space in it, the command
 */
export function peer(program: string, install = program): string | undefined {
  const found = folders.map((folder) => join(folder, program)).find(isExecutable);
  if (!found && process.env.PEERS_REQUIRED === "1") {
    const how = install.includes(" ") ? install : `Debian: apt-get install ${install}`;
    throw new Error(`The peer ${program} is not installed. ${how}`);
  }
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
