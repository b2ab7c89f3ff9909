import { readFileSync, unwatchFile, watchFile } from "node:fs";
import { explain, type RuntimeLog, type Stop } from "#events";
import { loadConfig } from "./load.ts";
import type { Serving } from "./serving.ts";

/**
 * Reads a configuration again on SIGHUP, and when its file has another content, and has it used; one at a time, and the last one wins. What
 * cannot be read or used is told, and the one before stays in force.
 *
 * @param options.everyMs how often the file is looked at; default 2 s. Looking, unlike waiting to be told, works on every file system.
 */
export function followConfig(
  file: string,
  serving: Pick<Serving, "replace" | "outdated">,
  options: { log: Pick<RuntimeLog, "note">; everyMs?: number },
): Stop {
  const { log, everyMs = 2000 } = options;
  let text = readText(file);
  let working: Promise<void> = Promise.resolve();
  let stopped = false;

  const reload = async (why: string): Promise<void> => {
    if (stopped) return;
    text = readText(file);
    try {
      const { config } = loadConfig(file, { env: process.env });
      const changes = await serving.replace(config);
      log.note("info", `${why}: ${file} is in force${changes.length === 0 ? ", and changes nothing" : `: it ${changes.join("; ")}`}`);
    } catch (error) {
      serving.outdated();
      log.note("error", `${why}: ${file} is not used, the configuration before stays in force: ${explain(error)}`);
    }
  };
  const queue = (why: string) => {
    working = working.then(() => reload(why));
  };
  const hangUp = () => queue("SIGHUP");
  const changed = () => {
    if (readText(file) !== text) queue("changed");
  };
  process.on("SIGHUP", hangUp);
  watchFile(file, { interval: everyMs, persistent: false }, changed);
  return async () => {
    stopped = true;
    process.off("SIGHUP", hangUp);
    unwatchFile(file, changed);
    await working;
  };
}

/** `undefined` for a file that is not there: an editor may be about to put a new one in its place. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
