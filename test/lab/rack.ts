import { randomBytes } from "node:crypto";
import type { Clock } from "#events";
import { steadyClock } from "#events/testing/mod.ts";
import { createHost, type Faults, type Host } from "./host.ts";
import { createIpmiBmc, type IpmiBmc } from "./ipmi-bmc.ts";
import { createKubeApi, type KubeApi } from "./kube-api.ts";
import { createKubelet } from "./kubelet.ts";
import { createRedfishBmc, type RedfishBmc } from "./redfish-bmc.ts";
import type { PersonalityName } from "./redfish-personalities.ts";

/** One machine of the rack and how its BMC speaks. */
export interface RackMachine {
  readonly name: string;
  readonly bmc: PersonalityName | "ipmi" | "none";
  readonly model: string;
  readonly gpus?: number;
  readonly role?: "worker" | "control-plane";
  readonly bootMs?: number;
  readonly faults?: Partial<Faults>;
}

/** Seven mixed machines: what stands in many a closet. */
const closet: readonly RackMachine[] = [
  { name: "cp-01", bmc: "dell", model: "PowerEdge R740", role: "control-plane", bootMs: 150_000 },
  { name: "cp-02", bmc: "dell", model: "PowerEdge R740", role: "control-plane", bootMs: 150_000 },
  { name: "cp-03", bmc: "hpe", model: "ProLiant DL380 Gen10", role: "control-plane", bootMs: 170_000 },
  { name: "gpu-01", bmc: "supermicro", model: "SYS-741GE-TNRT", gpus: 4, bootMs: 120_000 },
  { name: "gpu-02", bmc: "ipmi", model: "AS-4124GS-TNR", gpus: 2, bootMs: 90_000 },
  { name: "worker-01", bmc: "openbmc", model: "Open Compute Tioga Pass", bootMs: 60_000 },
  { name: "worker-02", bmc: "none", model: "EliteDesk 800 G9", bootMs: 40_000 },
];

export interface Rack {
  readonly clock: Clock;
  readonly hosts: ReadonlyMap<string, Host>;
  readonly kube: KubeApi;
  readonly bmcs: ReadonlyMap<string, RedfishBmc | IpmiBmc>;
  /** `lightsout.yaml` of this rack; the BMC password is `${env:LAB_BMC_PASSWORD}`. */
  readonly yaml: (options: { store: string; listen: string }) => string;
  readonly env: Readonly<Record<string, string>>;
  osAddress(machine: string): { host: string; kubeletPort: number; talosPort: number } | undefined;
  host(name: string): Host;
  close(): Promise<void>;
}

/**
 * Starts a simulated rack on loopback: BMCs, kubelets and a Kubernetes API, each on its real wire protocol.
 * @param scale how much faster than the wall its time runs
 * @param clock of that scale; default one that waits for this process: it must be the only one that lives on it
 * @param lostAfterMs from a node's last lease renewal to Ready=Unknown; default 40 s
 */
export async function createRack(options: {
  machines?: readonly RackMachine[];
  scale: number;
  seed?: number;
  lostAfterMs?: number;
  clock?: Clock;
}): Promise<Rack> {
  const { machines = closet, scale, seed = 1, clock = steadyClock(scale) } = options;
  const password = randomBytes(8).toString("hex");
  const hosts = new Map<string, Host>();
  const bmcs = new Map<string, RedfishBmc | IpmiBmc>();
  const kubelets = new Map<string, { port: number; close(): Promise<void> }>();
  for (const [index, machine] of machines.entries()) {
    const { name, model, gpus = 0, bootMs = 90_000, faults = {} } = machine;
    const manufacturer = { dell: "Dell Inc.", hpe: "HPE", supermicro: "Supermicro", ipmi: "Supermicro" }[machine.bmc as string] ?? "ACME";
    const host = createHost({ name, clock, gpus, bootMs, faults, identity: { serial: `SN-${name.toUpperCase()}`, manufacturer, model } });
    hosts.set(name, host);
    kubelets.set(name, await createKubelet(host));
    const login = { user: "lightsout", password, host, clock, seed: seed + index };
    // Whoever talks to a BMC lives in real time, and so does its session.
    if (machine.bmc === "ipmi") bmcs.set(name, await createIpmiBmc({ ...login, sessionMs: 60_000 * scale }));
    else if (machine.bmc !== "none") bmcs.set(name, await createRedfishBmc({ ...login, personality: machine.bmc }));
  }
  const kube = await createKubeApi({
    hosts: machines.map((machine) => ({
      host: hostOf(machine.name),
      node: machine.name,
      ...(machine.role === "control-plane" ? { controlPlane: true } : {}),
    })),
    clock,
    ...(options.lostAfterMs === undefined ? {} : { graceMs: options.lostAfterMs }),
  });

  function hostOf(name: string): Host {
    const host = hosts.get(name);
    if (!host) throw new Error(`the lab has no machine ${name}`);
    return host;
  }

  const entry = (machine: RackMachine): string => {
    const host = hostOf(machine.name);
    const kind = machine.bmc === "ipmi" ? "ipmi" : "redfish";
    const bmc = bmcs.get(machine.name);
    const lines = [
      `  - name: ${machine.name}`,
      `    uuid: ${host.identity.uuid}`,
      `    serial: ${host.identity.serial}`,
      `    role: ${machine.role ?? "worker"}`,
      `    pool: ${machine.role ?? (machine.gpus ? "gpu" : "worker")}`,
      `    gpus: ${machine.gpus ?? 0}`,
      `    bootTime: ${Math.round((machine.bootMs ?? 90_000) / 1000)}s`,
    ];
    if (bmc)
      lines.push(
        `    bmc: { kind: ${kind}, address: 127.0.0.1, port: ${bmc.port}, user: lightsout, password: "\${env:LAB_BMC_PASSWORD}" }`,
      );
    return lines.join("\n");
  };

  return {
    clock,
    hosts,
    kube,
    bmcs,
    env: { LAB_BMC_PASSWORD: password },
    yaml: ({ store, listen }) =>
      [
        "site: lab",
        `store: ${store}`,
        `http: { listen: "${listen}" }`,
        "trust: auto",
        "patience: 60s",
        "grace: 30s",
        "machines:",
        ...machines.map(entry),
        "",
      ].join("\n"),
    osAddress(machine) {
      const port = kubelets.get(machine)?.port;
      return port === undefined ? undefined : { host: "127.0.0.1", kubeletPort: port, talosPort: port };
    },
    host: hostOf,
    async close() {
      await kube.close();
      await Promise.all([...bmcs.values(), ...kubelets.values()].map((part) => part.close()));
    },
  };
}
