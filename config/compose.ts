import { createKubernetesCluster } from "#adapters/cluster/kubernetes/mod.ts";
import type { Cluster } from "#adapters/cluster/port.ts";
import { watchCluster } from "#adapters/cluster/watcher.ts";
import { createApp, serveHttp } from "#adapters/http/mod.ts";
import { createInventory } from "#adapters/inventory/mod.ts";
import type { Inventory } from "#adapters/inventory/port.ts";
import type { Os } from "#adapters/os/port.ts";
import { createTlsProbe, type ProbeAddress } from "#adapters/os/tls-probe.ts";
import { watchPower } from "#adapters/power/watcher.ts";
import {
  type Clock,
  createWorker,
  type EventStore,
  type Guard,
  milliseconds,
  type RuntimeLog,
  type Stop,
  startRounds,
  systemClock,
  type Worker,
} from "#events";
import { createGuards } from "#functions/guards/mod.ts";
import { precedence } from "#functions/precedence.ts";
import { rememberCluster } from "./cluster-seen.ts";
import { clusterless } from "./clusterless.ts";
import { createDesk } from "./desk.ts";
import { openNatsDoor } from "./door.ts";
import { loadFunctions } from "./functions.ts";
import { knownNames } from "./known.ts";
import { machinesOf, patienceOf } from "./machines.ts";
import { createPins } from "./pins.ts";
import { createPowers } from "./powers.ts";
import type { Config } from "./schema.ts";
import { stopFile } from "./stop-file.ts";
import { openStore } from "./stores.ts";

export interface Lightsout {
  readonly worker: Worker;
  readonly store: EventStore;
  readonly inventory: Inventory;
  /** Where the HTTP API listens. */
  readonly url: string;
  /** Graceful: acts under way end, everything else is given back. */
  close(): Promise<void>;
}

export interface ComposeOptions {
  readonly log: RuntimeLog;
  /** The runtime's time; the lab runs faster. Default the machine's own. */
  readonly clock?: Clock;
  /** Where kubelet and Talos answer, if not on their usual ports. */
  readonly osAddress?: (machine: string) => ProbeAddress | undefined;
  readonly kubeconfigText?: string;
  /** Where to listen instead of where the configuration says. */
  readonly listen?: string | undefined;
}

/** Puts everything together as one configuration says: the only place that knows all parts. */
export async function compose(config: Config, options: ComposeOptions): Promise<Lightsout> {
  const { log, clock = systemClock } = options;
  const { site } = config;
  const inventory = createInventory({ site, machines: machinesOf(config), patience: patienceOf(config) });
  const functions = await loadFunctions(config.functions);
  const store = await openStore(config.store, site, systemClock);
  const stops: Stop[] = [() => store.close()];
  const power = createPowers({ machines: config.machines, clock: systemClock, pins: createPins(store) });
  stops.unshift(() => power.close());
  const { cluster, addressOf, health } = rememberCluster(openCluster(config, options, inventory, log, stops));
  const os = createOs(inventory, options, addressOf);
  const ports = { inventory, power, cluster, os };

  const guards: Guard[] = [];
  const worker = createWorker({
    site,
    store,
    clock,
    functions: limited(functions, config),
    ports,
    guards,
    precedence,
    log,
    check: knownNames(inventory),
  });
  const stopped = stopFile(config.stopFile);
  const { share, window, cooldown } = config.guards.storm;
  guards.push(
    ...createGuards({
      office: worker.office,
      runs: worker.runs,
      ports,
      stopFile: stopped,
      storm: { share, windowMs: milliseconds(window), cooldownMs: milliseconds(cooldown) },
    }),
  );
  const watched = config.cluster !== undefined || options.kubeconfigText !== undefined;
  const desk = createDesk({ config, worker, ports, stopFile: stopped, clusterHealth: watched ? health : noCluster });
  try {
    const http = await serveHttp(createApp(desk, { tokens: config.http.tokens, now: () => clock.now() }), {
      listen: options.listen ?? config.http.listen,
    });
    stops.unshift(() => http.close());
    await worker.start();
    stops.unshift(() => worker.stop());
    if (config.store.kind === "nats") stops.unshift(await openNatsDoor(config.store, site, worker, log));
    stops.unshift(await startRounds(worker.office, worker.runs));
    if (watched) {
      stops.unshift(await watchCluster({ cluster, office: worker.office, runs: worker.runs, graceMs: milliseconds(config.grace) }));
    }
    const machines = () => config.machines.filter((machine) => machine.bmc).map((machine) => machine.name);
    stops.unshift(watchPower({ power, machines, office: worker.office }));
    return { worker, store, inventory, url: http.url, close: () => closeAll(stops, log) };
  } catch (error) {
    await closeAll(stops, log);
    throw error;
  }
}

const noCluster = () => ({ ok: true, detail: "no cluster is configured" });

async function closeAll(stops: readonly Stop[], log: RuntimeLog): Promise<void> {
  for (const stop of stops) await stop().catch((error) => log.note("warn", `while stopping: ${String(error)}`));
}

function openCluster(config: Config, options: ComposeOptions, inventory: Inventory, log: RuntimeLog, stops: Stop[]): Cluster {
  const { cluster: given } = config;
  if (!given && options.kubeconfigText === undefined) return clusterless;
  const source = options.kubeconfigText !== undefined ? { text: options.kubeconfigText } : { file: given?.kubeconfig ?? "" };
  const cluster = createKubernetesCluster({
    kubeconfig: { ...source, ...(given?.context === undefined ? {} : { context: given.context }) },
    site: config.site,
    nodeOf: (machine) => inventory.machine(machine).node,
    machineOf: (node) => inventory.byNode(node)?.name,
    clock: systemClock,
    onProblem: (error) => log.note("warn", `cluster: ${error instanceof Error ? error.message : String(error)}`),
  });
  stops.unshift(() => cluster.close());
  return cluster;
}

function createOs(inventory: Inventory, options: ComposeOptions, seenAt: (machine: string) => string | undefined): Os {
  const usual = (machine: string) => {
    const { address = seenAt(machine) } = inventory.machine(machine);
    return address === undefined ? undefined : { host: address };
  };
  return createTlsProbe({ addressOf: options.osAddress ?? usual, clock: options.clock ?? systemClock });
}

/** The configuration's budgets stand in for those written in the functions that declare one. */
function limited(functions: Awaited<ReturnType<typeof loadFunctions>>, config: Config) {
  const { perMachine, fleet } = config.guards.budget;
  return functions.map((spec) => (spec.limit ? { ...spec, limit: { perMachine, fleet } } : spec));
}
