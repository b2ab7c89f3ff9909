import { watchServing } from "#adapters/cluster/serving-watcher.ts";
import { watchCluster } from "#adapters/cluster/watcher.ts";
import { watchArms } from "#adapters/netboot/mod.ts";
import type { Arms } from "#adapters/netboot/port.ts";
import { watchTalos } from "#adapters/os/watcher.ts";
import { watchPower } from "#adapters/power/watcher.ts";
import { milliseconds, type Stop, startRounds, type Worker } from "#events";
import type { Ports } from "#functions/define.ts";
import { schedulesOf, startSchedules } from "./schedules.ts";
import type { Config } from "./schema.ts";

/** Starts everything that looks at the world or at the clock by itself. What was started is handed to `started` at once, to be stopped. */
export async function startWatchers(
  config: Config,
  options: {
    worker: Worker;
    ports: Ports;
    arms: Arms | undefined;
    watchesCluster: boolean;
    watchesTalos: boolean;
    started: (stop: Stop) => void;
  },
): Promise<void> {
  const { arms, ports, started, watchesCluster, watchesTalos, worker } = options;
  const { office, runs } = worker;
  started(await startRounds(office, runs));
  if (watchesCluster) {
    const { cluster, inventory } = ports;
    started(await watchCluster({ cluster, office, runs, graceMs: milliseconds(config.grace) }));
    started(watchServing({ cluster, inventory, office }));
  }
  const machines = () => config.machines.filter((machine) => machine.bmc).map((machine) => machine.name);
  started(watchPower({ power: ports.power, machines, office }));
  if (watchesTalos) {
    const { configs, inventory, talos } = ports;
    started(watchTalos({ talos, machines: () => inventory.machines().map(({ name }) => name), office, configs }));
  }
  if (arms) started(await watchArms({ arms, office, runs }));
  const { accept } = worker;
  const { clock, log, site } = office;
  started(startSchedules({ schedules: schedulesOf(config), timezone: config.timezone, site, accept, clock, log }));
}
