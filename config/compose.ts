import { createKubeconfigFile } from "#adapters/cluster/kubeconfig-file.ts";
import { createCni } from "#adapters/cni/mod.ts";
import { createApp, createListeners, type Listeners } from "#adapters/http/mod.ts";
import type { MachineRow } from "#adapters/http/port.ts";
import { createInventory } from "#adapters/inventory/mod.ts";
import type { Inventory } from "#adapters/inventory/port.ts";
import { createMachineConfigs } from "#adapters/machineconfig/mod.ts";
import type { ProbeAddress } from "#adapters/os/tls-probe.ts";
import {
  type Clock,
  createLedger,
  createRuns,
  createSettings,
  createWorker,
  type EventStore,
  type Guard,
  milliseconds,
  type RuntimeLog,
  type Stop,
  systemClock,
  type Worker,
} from "#events";
import type { Ports } from "#functions/define.ts";
import { createDrills } from "#functions/drills.ts";
import { createErrands } from "#functions/errands.ts";
import { createGuards } from "#functions/guards/mod.ts";
import { createHistory } from "#functions/history.ts";
import { precedence } from "#functions/precedence.ts";
import { createStanding } from "#functions/standing.ts";
import { withAttestations } from "./attested.ts";
import { openCluster } from "./cluster.ts";
import { declarationsOf } from "./declarations.ts";
import { createDesk } from "./desk.ts";
import { openNatsDoor } from "./door.ts";
import { limited, loadFunctions, workerOn } from "./functions.ts";
import { knownNames } from "./known.ts";
import type { Sight } from "./look.ts";
import { machinesOf, patienceOf } from "./machines.ts";
import { openNetboot } from "./netboot.ts";
import { addressesOf, createOs, openTalos } from "./os.ts";
import { createPins } from "./pins.ts";
import { policyOf } from "./policy.ts";
import { createPowers, greeter } from "./powers.ts";
import type { Config } from "./schema.ts";
import { openSnapshots } from "./snapshots.ts";
import { stopFile } from "./stop-file.ts";
import { openStorage } from "./storage.ts";
import { openStore } from "./stores.ts";
import { startWatchers } from "./watchers.ts";

export interface Lightsout {
  readonly worker: Worker;
  readonly store: EventStore;
  readonly inventory: Inventory;
  readonly ports: Ports;
  /** The rack as it is now. */
  machines(): Promise<readonly MachineRow[]>;
  /** Where the HTTP API listens. */
  readonly url: string;
  /** Where machines reach the boot server; absent where none is configured. */
  readonly bootUrl?: string;
  /** Graceful: acts under way end, everything else is given back. */
  close(): Promise<void>;
}

/** What stays when a configuration gives way to another. */
export interface Standing {
  readonly store: EventStore;
  readonly listeners: Listeners;
  /** Whether the newest configuration that there is could be served. */
  upToDate(): boolean;
}

export interface ComposeOptions {
  readonly log: RuntimeLog;
  /** The runtime's time; the lab runs faster. Default the machine's own. */
  readonly clock?: Clock;
  /** Where kubelet and Talos answer, if not on their usual ports. */
  readonly osAddress?: (machine: string) => ProbeAddress | undefined;
  readonly kubeconfigText?: string;
  readonly talosconfigText?: string;
  /** Whether `auto` rests on a passed drill; default false, since in the lab everything acts from the start. */
  readonly drills?: boolean;
  /** Where to listen instead of where the configuration says. */
  readonly listen?: string | undefined;
  /** By default it has its own. */
  readonly standing?: Standing;
}

/** Puts everything together as one configuration says: the only place that knows all parts. */
export async function compose(config: Config, options: ComposeOptions): Promise<Lightsout> {
  const { log, clock = systemClock } = options;
  const { site } = config;
  const inventory = createInventory({ site, machines: machinesOf(config), patience: patienceOf(config) });
  const functions = limited(await loadFunctions(config.functions), config.guards.budget);
  const configs = createMachineConfigs(declarationsOf(config));
  const stops: Stop[] = [];
  const started = (stop: Stop) => void stops.unshift(stop);
  const opened = <T extends { close(): Promise<void> }>(part: T): T => {
    started(() => part.close());
    return part;
  };
  try {
    const store = options.standing?.store ?? opened(await openStore(config.store, site, systemClock));
    const listeners = options.standing?.listeners ?? createListeners();
    const settings = createSettings(store);
    const cluster = opened(openCluster(config, { inventory, log, text: options.kubeconfigText }));
    const addressOf = options.osAddress ?? addressesOf(inventory, cluster.addressOf);
    const os = createOs(addressOf, clock);
    const powers = opened(createPowers({ machines: config.machines, clock: systemClock, pins: createPins(store) }));
    const kubeconfig = createKubeconfigFile(config.cluster?.kubeconfig);
    const netboot = openNetboot(config, { store, clock, inventory, configs, listeners, log });
    const ports: Ports = {
      inventory,
      configs,
      power: withAttestations({ powers, os, settings, clock, site, accept: (incoming) => worker.accept(incoming) }),
      cluster: cluster.cluster,
      os,
      talos: opened(openTalos(config, { inventory, addressOf, text: options.talosconfigText })),
      netboot: netboot.port,
      snapshots: openSnapshots(config, clock),
      storage: openStorage(config, cluster),
      kubeconfig,
      cni: createCni({ by: config.cni, apply: (text, signal) => cluster.cluster.apply(text, signal), kubeconfig: kubeconfig.where }),
      errands: createErrands({ site, store, runs: createRuns(store), functionOf: workerOn(functions) }),
      drills: createDrills(settings, clock),
      standing: createStanding({ settings, ledger: createLedger(store), inventory, now: () => clock.now() }),
      history: createHistory(store),
      policy: policyOf(config),
    };
    const guards: Guard[] = [];
    const worker: Worker = createWorker({
      site,
      store,
      clock,
      functions,
      ports: { ...ports },
      guards,
      precedence,
      log,
      prepare: greeter(powers),
      check: knownNames(inventory),
    });
    const { office, runs } = worker;
    const stopped = stopFile(config.stopFile);
    const { share, window, cooldown } = config.guards.storm;
    const storm = { share, windowMs: milliseconds(window), cooldownMs: milliseconds(cooldown) };
    const drills = options.drills ?? false;
    const guardsOver = (sight: Sight) => createGuards({ ...sight, stopFile: stopped, storm, drills });
    guards.push(...guardsOver({ office, runs, ports }));

    const { arms } = netboot;
    const upToDate = options.standing?.upToDate ?? (() => true);
    const desk = createDesk({
      config,
      worker,
      ports,
      stopFile: stopped,
      clusterHealth: cluster.health,
      upToDate,
      arms,
      guardsOver,
      drills,
    });
    const app = createApp(desk, { tokens: config.http.tokens, log, now: () => clock.now() });
    const http = opened(await listeners.serve("api", app, options.listen ?? config.http.listen));
    const boot = await netboot.listen();
    if (boot) opened(boot);
    await worker.start();
    started(() => worker.stop());
    if (config.store.kind === "nats") started(await openNatsDoor(config.store, site, worker, log));
    const watchesTalos = (options.talosconfigText ?? config.talos?.talosconfig) !== undefined;
    await startWatchers(config, { worker, ports, arms, watchesCluster: cluster.configured, watchesTalos, started });
    const close = () => closeAll(stops, log);
    return { worker, store, inventory, ports, machines: () => desk.machines(), url: http.url, ...(boot && { bootUrl: boot.url }), close };
  } catch (error) {
    await closeAll(stops, log);
    throw error;
  }
}

async function closeAll(stops: readonly Stop[], log: RuntimeLog): Promise<void> {
  for (const stop of stops) await stop().catch((error) => log.note("warn", `while stopping: ${String(error)}`));
}
