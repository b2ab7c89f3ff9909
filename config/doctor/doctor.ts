import type { Check } from "#adapters/cli/mod.ts";
import type { ProbeAddress } from "#adapters/os/tls-probe.ts";
import { systemClock } from "#events";
import { createPowers } from "../powers.ts";
import type { Config } from "../schema.ts";
import type { Environment } from "../secret.ts";
import { checkBmc } from "./bmc.ts";
import { attended, broken, type Finding, findings } from "./check.ts";
import { type ClusterSeen, checkCluster } from "./cluster.ts";
import { checkConfig, readConfig } from "./configuration.ts";
import { checkHost } from "./host.ts";
import { checkNetboot } from "./netboot.ts";
import { checkNode } from "./node.ts";
import { checkServer, findRunning, listenOf, readPins } from "./server.ts";
import { checkSnapshots } from "./snapshots.ts";
import { checkStore, type StoreSeen } from "./store.ts";
import { checkTalos, openTalosFor } from "./talos.ts";

export interface DoctorOptions {
  readonly config: string;
  readonly env: Environment;
  /** Where the API listens instead of where the configuration says. */
  readonly listen?: string | undefined;
  /** Where Talos answers, if not on its usual port. */
  readonly osAddress?: (machine: string) => ProbeAddress | undefined;
  /** For one question, in milliseconds. Default 30 000. */
  readonly withinMs?: number;
  readonly now?: () => number;
}

/** BMCs that are asked at the same time. */
const atOnce = 16;

/**
 * Looks over everything that a configuration names: itself, this host, the store, the cluster and every machine. Changes nothing, and pins
 * nothing. What fails or hangs is a finding of its own and stops no other.
 */
export async function doctor(options: DoctorOptions): Promise<readonly Check[]> {
  const { env, listen, withinMs = 30_000, now = () => systemClock.now() } = options;
  const of = (subject: string, found: readonly Finding[]): readonly Check[] => found.map((finding) => ({ subject, ...finding }));
  const read = readConfig(options.config, env);
  if ("checks" in read) return [...read.checks, ...of("this host", checkHost())];
  const { config } = read;
  const at = listenOf(config, listen);
  const running = await findRunning(at);

  const [about, server, store, cluster, netboot, snapshots] = await Promise.all([
    checkConfig(read, env, withinMs),
    findings("listener", withinMs, () => checkServer(config, at, running)),
    storeOf(config, { running, withinMs, now }),
    checkCluster(config, { withinMs, now }),
    findings("listener", withinMs, () => checkNetboot(config, running)),
    findings("place", withinMs, (signal) => checkSnapshots(config, signal)),
  ]);
  const pinned = store.pinned ?? (running?.site === config.site ? await readPins(running, env.LIGHTSOUT_TOKEN) : undefined);
  const talos = openTalosFor(config, cluster, { osAddress: options.osAddress, now: now() });
  try {
    return [
      ...of("configuration", about),
      ...of("this host", checkHost()),
      ...of("server", server),
      ...of("store", store.findings),
      ...of("cluster", cluster.findings),
      ...of("talos", talos.findings),
      ...of("netboot", netboot),
      ...of("snapshots", snapshots),
      ...(await checkMachines(config, { pinned, cluster, talos: talos.talos, withinMs, now })).flatMap(({ found, name }) =>
        of(name, found),
      ),
    ];
  } finally {
    await talos.talos?.close();
  }
}

async function storeOf(
  config: Config,
  { now, running, withinMs }: { running: Awaited<ReturnType<typeof findRunning>>; withinMs: number; now: () => number },
): Promise<StoreSeen> {
  const done = await attended(withinMs, (signal) =>
    checkStore(config, { site: config.site, machines: config.machines.map(({ name }) => name), running, now, signal }),
  );
  return "found" in done ? done.found : { findings: [broken("store", done.error)], pinned: undefined };
}

async function checkMachines(
  { machines }: Config,
  scene: {
    pinned: ReadonlyMap<string, string> | undefined;
    cluster: ClusterSeen;
    talos: ReturnType<typeof openTalosFor>["talos"];
    withinMs: number;
    now: () => number;
  },
): Promise<readonly { readonly name: string; readonly found: readonly Finding[] }[]> {
  const { cluster, now, pinned, talos, withinMs } = scene;
  const seen = new Map<string, string>();
  // What was looked at a moment ago is what the password goes to; nothing is kept.
  const pins = { get: (machine: string) => seen.get(machine), set: () => undefined };
  const powers = createPowers({ machines, clock: systemClock, pins });
  const bmcs = { powers, pinned, saw: (machine: string, fingerprint: string) => void seen.set(machine, fingerprint), now, withinMs };
  const waiting = [...machines.entries()];
  const results: { name: string; found: readonly Finding[] }[] = [];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, machine] = next;
      const [bmc, os] = await Promise.all([
        checkBmc(machine, bmcs).catch((error: unknown) => [broken("BMC", error)]),
        talos ? checkTalos(machine, talos, withinMs) : [],
      ]);
      results[index] = { name: machine.name, found: [...bmc, ...checkNode(machine, cluster), ...os] };
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, worker));
    return results;
  } finally {
    await powers.close();
  }
}
