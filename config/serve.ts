import { resolve } from "node:path";
import { rackLines } from "#adapters/cli/mod.ts";
import { explain, type RuntimeLog, type Trust } from "#events";
import type { Lightsout } from "./compose.ts";
import { healthy, recoverOne } from "./demo-story.ts";
import { followConfig } from "./follow.ts";
import { startLab } from "./lab.ts";
import { loadConfig } from "./load.ts";
import { startServing } from "./serving.ts";

/**
 * `lightsout serve`: with a configuration, serves it until told to stop, and whatever that file says later. Without one, starts the lab, lets
 * a worker hang after a few seconds, prints its recovery, and stays up.
 */
export async function serve(options: {
  config?: string;
  log: RuntimeLog;
  out: (line: string) => void;
  /** Where to listen instead of where the configuration says. */
  listen?: string | undefined;
}): Promise<void> {
  const { log, out, listen } = options;
  const stopping = stopSignal();
  if (options.config === undefined) return serveLab({ log, out, stopping, listen: listen ?? "127.0.0.1:7480" });
  const { config } = loadConfig(options.config, { env: process.env });
  const serving = await startServing(config, { log, listen, drills: true });
  const stopFollowing = followConfig(options.config, serving, { log });
  greet(serving.lightsout, out);
  for (const [trust, meaning] of Object.entries(meanings)) {
    const names = config.machines.filter((machine) => machine.trust === trust).map((machine) => machine.name);
    if (names.length > 0) out(`${trust}: ${names.join(", ")} (${meaning})`);
  }
  const introduced = introduce(serving.lightsout, out).catch((error) => out(`The rack cannot be shown: ${explain(error)}`));
  await Promise.race([introduced, stopping]);
  await stopping;
  out("stopping: acts under way end first");
  await stopFollowing();
  await serving.close();
}

async function serveLab(options: { log: RuntimeLog; out: (line: string) => void; stopping: Promise<void>; listen: string }): Promise<void> {
  const { log, out, stopping, listen } = options;
  out("There is no lightsout.yaml here: starting the lab, seven simulated machines on their real wire protocols");
  const lab = await startLab({ log, listen, stopFile: resolve("STOP") });
  greet(lab.lightsout, out);
  const story = async () => {
    await healthy(lab);
    const result = await recoverOne(lab, out);
    out(
      result.ok
        ? `${result.machine} is back in service, with proof. Try: npx lightsout machines`
        : `${result.machine} is not back: npx lightsout why ${result.machine}`,
    );
  };
  await Promise.race([story().then(() => stopping), stopping]);
  out("stopping");
  await lab.close();
}

const meanings: Readonly<Record<Trust, string>> = {
  observe: "everything is decided and shown, nothing is done",
  ask: "a person is asked before anything is done",
  auto: "acts by itself",
};

/**
 * As long as everything observes, nobody has approved the rack yet: shows it, and what a person does next. A start is not held up by it: what
 * cannot be read is said in its place.
 */
async function introduce({ machines }: Lightsout, out: (line: string) => void): Promise<void> {
  const rack = await machines();
  if (rack.some(({ trustInForce }) => trustInForce !== "observe")) return;
  for (const line of rackLines(rack, { columns: process.stdout.columns || 120 })) out(line);
  for (const line of next) out(line);
}

const next = [
  "",
  "Nothing is done to any of them until you say so. What to do next:",
  "  lightsout doctor                   what is wrong, and what to do about it",
  "  lightsout identify <machine>       blink its light: is the name on the right box?",
  "  lightsout why <machine>            what would be done to it, and what each guard says",
  "  lightsout trust pool <pool> ask    from then on it asks before it acts",
  "  lightsout drill <machine>          see it go off and come back, measured; then trust it with auto",
];

function greet(lightsout: Lightsout, out: (line: string) => void): void {
  out(`Lightsout ${lightsout.inventory.site} serves at ${lightsout.url}`);
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = () => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
}
