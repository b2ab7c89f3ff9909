import { UnsupportedError } from "#events";
import type { TalosVersion } from "../port.ts";
import { only } from "./answer.ts";
import type { Ask } from "./client.ts";
import { talosError } from "./failures.ts";
import { MachineService } from "./gen/machine_pb.ts";
import { present, text } from "./spec.ts";

/** Major and minor of a tag such as `v1.14.0-rc.1`; `undefined` when it is none. */
export function parseTag(tag: string): { readonly major: number; readonly minor: number } | undefined {
  const [, major, minor] = /^v?(\d{1,4})\.(\d{1,4})\.\d/.exec(tag) ?? [];
  return major === undefined ? undefined : { major: Number(major), minor: Number(minor) };
}

/** Whether a machine with this tag has what came with Talos 1.`minor`. A pre-release of it counts. */
export function since(tag: string, minor: number): boolean {
  const version = parseTag(tag);
  return version !== undefined && (version.major > 1 || (version.major === 1 && version.minor >= minor));
}

/** Asks the machine. Never remembered: between two calls it may have been upgraded, or rolled back. */
export async function readVersion(ask: Ask, machine: string, signal: AbortSignal | undefined): Promise<TalosVersion> {
  const operation = "version";
  const message = await ask(MachineService, { operation, signal }, async (calls, options) => only(await calls.version({}, options)));
  const tag = message.version?.tag ?? "";
  if (!parseTag(tag)) {
    throw talosError({ machine, operation, sent: false }, "LO_TALOS_PROTOCOL", `it is "${tag.slice(0, 50)}", which is no version`);
  }
  return { tag, ...present({ arch: text(message.version?.arch), mode: text(message.platform?.mode) }) };
}

/** Throws an `UnsupportedError` unless the machine's version has `what`. */
export function demand(machine: string, tag: string, minor: number, what: string): void {
  if (since(tag, minor)) return;
  throw new UnsupportedError(machine, what, `it came with Talos 1.${minor} and the machine runs ${tag}`);
}
