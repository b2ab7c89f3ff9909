import { compose } from "#config/compose.ts";
import { loadConfig } from "#config/load.ts";
import { jsonLog, terminalLog } from "#config/logging.ts";
import { type Clock, type RuntimeLog, systemClock } from "#events";

// A worker of its own, to be killed and stopped: `worker.ts <lightsout.yaml>`. It says where it listens, and logs in both ways there are. On SIGUSR2
// somebody sets its wall clock: three minutes on, three minutes back, and so on.

/** What the process that has the rack tells about it. */
export interface Outside {
  readonly scale: number;
  /** The lab's time, as this worker's wall clock has it, and the wall's at the same moment. */
  readonly labNow: number;
  readonly wallNow: number;
  readonly osAddress: Readonly<Record<string, { host: string; kubeletPort: number; talosPort: number }>>;
}

const [, , file = ""] = process.argv;
const outside = JSON.parse(process.env.LAB ?? "") as Outside;
const { scale, labNow, wallNow } = outside;
let setBy = 0;
process.on("SIGUSR2", () => {
  setBy = setBy === 0 ? 180_000 : 0;
});
const clock: Clock = {
  now: () => setBy + labNow + (Date.now() - wallNow) * scale,
  mono: () => performance.now() * scale,
  sleep: (ms, signal) => systemClock.sleep(ms / scale, signal),
};

const logs = [jsonLog(), terminalLog((line) => process.stderr.write(`${line}\n`))];
const log: RuntimeLog = {
  fact(name, fact) {
    for (const one of logs) one.fact(name, fact);
  },
  note(level, message, about) {
    for (const one of logs) one.note(level, message, about);
  },
};
const { config } = loadConfig(file, { env: process.env });
const lightsout = await compose(config, { log, clock, osAddress: (machine) => outside.osAddress[machine] });
process.stdout.write(`ready ${lightsout.url}\n`);
process.on("SIGTERM", () => void lightsout.close());
