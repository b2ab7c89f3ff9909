import type { RuntimeLog } from "#events";
import { compose, type Lightsout } from "./compose.ts";
import { healthy, recoverOne } from "./demo-story.ts";
import { startLab } from "./lab.ts";
import { loadConfig } from "./load.ts";

/**
 * `lightsout serve`: with a configuration, serves it until told to stop. Without one, starts the lab, lets a worker hang after a few
 * seconds, prints its recovery, and stays up.
 */
export async function serve(options: {
  config?: string;
  log: RuntimeLog;
  out: (line: string) => void;
  /** Where the lab listens; default 127.0.0.1:7480. */
  listen?: string | undefined;
}): Promise<void> {
  const { log, out, listen = "127.0.0.1:7480" } = options;
  const stopping = stopSignal();
  if (options.config === undefined) return serveLab({ log, out, stopping, listen });
  const { config } = loadConfig(options.config, { env: process.env });
  const lightsout = await compose(config, { log });
  greet(lightsout, out);
  const observing = config.machines.filter((machine) => machine.trust === "observe").length;
  out(
    observing === 0
      ? `${config.machines.length} machines, none in observe`
      : `${observing} of ${config.machines.length} machines are in observe: everything is decided and shown, nothing is done`,
  );
  await stopping;
  out("stopping: acts under way end first");
  await lightsout.close();
}

async function serveLab(options: { log: RuntimeLog; out: (line: string) => void; stopping: Promise<void>; listen: string }): Promise<void> {
  const { log, out, stopping, listen } = options;
  out("There is no lightsout.yaml here: starting the lab, seven simulated machines on their real wire protocols");
  const lab = await startLab({ log, listen });
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
