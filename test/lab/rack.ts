import { randomBytes } from "node:crypto";
import { stringify } from "yaml";
import type { Clock } from "#events";
import { steadyClock } from "#events/testing/mod.ts";
import type { Host } from "./host.ts";
import { createImageFactory, type ImageFactory } from "./image-factory.ts";
import type { IpmiBmc } from "./ipmi-bmc.ts";
import { createKubeApi, type KubeApi } from "./kube-api.ts";
import { baseConfig, configOf } from "./rack-config.ts";
import { createRackBox, declaredOf, type RackBox, type RackMachine, schematicOf } from "./rack-machine.ts";
import type { RedfishBmc } from "./redfish-bmc.ts";
import type { TalosApi } from "./talos-api.ts";
import { createTalosAuthority, type TalosAuthority } from "./talos-cert.ts";
import { createLabEtcd, type LabEtcd } from "./talos-etcd.ts";
import { kubeletOf } from "./talos-kubelet.ts";

export type { RackMachine } from "./rack-machine.ts";

/** Seven mixed machines: what stands in many a closet. */
export const closet: readonly RackMachine[] = [
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
  /** The one of all control planes. */
  readonly etcd: LabEtcd;
  readonly authority: TalosAuthority;
  /** With the role os:admin. */
  readonly talosconfig: string;
  /** An Image Factory: `<url>/image` is a source of boot assets. */
  readonly assets: ImageFactory;
  /**
   * `lightsout.yaml` of this rack; the BMC password is `${env:LAB_BMC_PASSWORD}`.
   * @param more keys beside those of the rack, and for each machine beside its own
   */
  readonly yaml: (options: {
    store: string;
    listen: string;
    more?: Readonly<Record<string, unknown>>;
    moreOf?: (machine: RackMachine) => Readonly<Record<string, unknown>>;
  }) => string;
  readonly env: Readonly<Record<string, string>>;
  osAddress(machine: string): { host: string; kubeletPort: number; talosPort: number } | undefined;
  host(name: string): Host;
  talos(name: string): TalosApi;
  /** What a person would write under `talos` of the machine: what is in its schematic, and the disk that it is for. */
  declared(name: string): Readonly<Record<string, unknown>>;
  /** A machine configuration as `talosctl gen config` writes it for this cluster, without anything of a single machine. */
  base(role: "control-plane" | "worker"): string;
  /** Tells all machines where DHCP sends those that boot from the network; without a URL nobody answers them. */
  bootFrom(url: string | undefined): void;
  close(): Promise<void>;
}

/**
 * Starts a simulated rack on loopback: BMCs, Talos, kubelets, etcd, a Kubernetes API and an Image Factory, each on its real wire protocol.
 * @param scale how much faster than the wall its time runs; what goes over HTTP takes the wall's time
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
  const authority = createTalosAuthority();
  const etcd = createLabEtcd();
  const assets = await createImageFactory();
  let bootUrl: string | undefined;
  let kube: KubeApi | undefined;
  const boxes = new Map<string, RackBox>();
  const discovered = () =>
    [...boxes.values()]
      .filter(({ talos }) => talos.os.servicesRun())
      .map(({ address, host, machine, talos: { os } }) => ({
        name: os.reading()?.hostname ?? host.name,
        addresses: [address],
        role: os.reading()?.role ?? machine.role ?? ("worker" as const),
        version: os.running().version,
      }));
  const drivers = new Set(machines.flatMap((machine) => machine.nvidia ?? ((machine.gpus ?? 0) > 0 ? [schematicOf(machine)] : [])));
  for (const [index, machine] of machines.entries()) {
    const box = await createRackBox(machine, `10.0.0.${index + 11}`, {
      clock,
      authority,
      etcd,
      login: { user: "lightsout", password },
      scale,
      seed: seed + index,
      configOf,
      bootUrl: () => bootUrl,
      kubeconfig: () => kube?.kubeconfig ?? "",
      nodeReady: (node) => kube?.ready(node) ?? false,
      drivers,
      discovered,
    });
    boxes.set(machine.name, box);
  }
  const controlPlanes = [...boxes.values()].filter(({ machine }) => machine.role === "control-plane");
  /** A rack without control planes has them somewhere else. */
  const state = () => {
    if (controlPlanes.length === 0) return "up";
    const serves = controlPlanes.some(({ talos }) => talos.os.servicesRun() && talos.membership?.own()?.started === true);
    return !serves ? "down" : etcd.quorate() ? "up" : "no-etcd";
  };
  kube = await createKubeApi({
    hosts: [...boxes.values()].map(({ address, host, machine, talos }) => ({
      host,
      node: machine.name,
      address,
      kubelet: () => kubeletOf(talos.os, (schematic) => schematic !== undefined && drivers.has(schematic)),
    })),
    clock,
    state,
    cni: machines.some(({ state }) => state !== "blank") ? "installed" : "needed",
    ...(options.lostAfterMs === undefined ? {} : { graceMs: options.lostAfterMs }),
  });
  const { addFlannel, content } = kube;
  etcd.content = {
    dump: content.dump,
    load(kept) {
      content.load(kept);
      if (kept === undefined && controlPlanes.some(({ talos }) => talos.os.reading()?.flannel)) addFlannel();
    },
  };

  function boxOf(name: string): RackBox {
    const box = boxes.get(name);
    if (!box) throw new Error(`the lab has no machine ${name}`);
    return box;
  }
  const entry = ({ bmc, host, machine }: RackBox) => ({
    name: machine.name,
    uuid: host.identity.uuid,
    serial: host.identity.serial,
    macs: [...host.macs],
    role: machine.role ?? "worker",
    pool: machine.role ?? (machine.gpus ? "gpu" : "worker"),
    gpus: machine.gpus ?? 0,
    bootTime: `${Math.round((machine.bootMs ?? 90_000) / 1000)}s`,
    ...(bmc && {
      bmc: {
        kind: machine.bmc === "ipmi" ? "ipmi" : "redfish",
        address: "127.0.0.1",
        port: bmc.port,
        user: "lightsout",
        password: `\${env:LAB_BMC_PASSWORD}`,
      },
    }),
  });

  return {
    clock,
    hosts: new Map([...boxes].map(([name, { host }]) => [name, host])),
    kube,
    bmcs: new Map([...boxes].flatMap(([name, { bmc }]) => (bmc ? [[name, bmc] as const] : []))),
    etcd,
    authority,
    talosconfig: authority.talosconfig(["os:admin"]),
    assets,
    env: { LAB_BMC_PASSWORD: password },
    yaml: ({ store, listen, more = {}, moreOf = () => ({}) }) =>
      [
        "site: lab",
        `store: ${store}`,
        stringify({
          http: { listen },
          trust: "auto",
          patience: "60s",
          grace: "30s",
          ...more,
          machines: [...boxes.values()].map((box) => ({ ...entry(box), ...moreOf(box.machine) })),
        }),
      ].join("\n"),
    osAddress(machine) {
      const box = boxes.get(machine);
      return box && { host: "127.0.0.1", kubeletPort: box.kubeletPort, talosPort: box.talos.port };
    },
    host: (name) => boxOf(name).host,
    talos: (name) => boxOf(name).talos,
    declared: (name) => declaredOf(boxOf(name).machine),
    base: baseConfig,
    bootFrom(url) {
      bootUrl = url?.replace(/\/+$/, "");
    },
    async close() {
      await kube?.close();
      await assets.close();
      await Promise.all([...boxes.values()].map((box) => box.close()));
    },
  };
}
