import { nvidiaModules, schematicId } from "#adapters/machineconfig/mod.ts";
import type { Clock } from "#events";
import { createFirmware } from "./firmware.ts";
import { createHost, type Faults, type Host } from "./host.ts";
import { createIpmiBmc, type IpmiBmc } from "./ipmi-bmc.ts";
import { createKubelet } from "./kubelet.ts";
import { createRedfishBmc, type RedfishBmc } from "./redfish-bmc.ts";
import type { PersonalityName } from "./redfish-personalities.ts";
import { createTalosApi, plainSchematic, type TalosApi } from "./talos-api.ts";
import type { TalosAuthority } from "./talos-cert.ts";
import type { LabEtcd } from "./talos-etcd.ts";
import type { DiscoveredMember, LabExtension } from "./talos-resources.ts";
import { createTalosStorage, type LabDisk, systemDisk } from "./talos-storage.ts";

/** One machine of the rack and how its BMC speaks. */
export interface RackMachine {
  readonly name: string;
  readonly bmc: PersonalityName | "ipmi" | "none";
  readonly model: string;
  readonly gpus?: number;
  readonly role?: "worker" | "control-plane";
  readonly bootMs?: number;
  readonly faults?: Partial<Faults>;
  /** `off`: installed, and off at the start. `blank`: off, and nothing on its disks. @default "installed", which runs */
  readonly state?: "installed" | "off" | "blank";
  /** The Talos it is installed with. @default "v1.13.9" */
  readonly version?: string;
  /** Of what it is installed with. @default one with NVIDIA's drivers where it has GPUs, otherwise the plain one */
  readonly schematic?: string;
  /** Schematics that have NVIDIA's drivers in them: without one of these running its GPUs are not allocatable. @default its own */
  readonly nvidia?: readonly string[];
  /** The first is for the system. @default one of half a terabyte */
  readonly disks?: readonly LabDisk[];
}

/** NVIDIA's drivers and their toolkit. */
const nvidiaExtensions = ["siderolabs/nvidia-container-toolkit-lts", "siderolabs/nvidia-open-gpu-kernel-modules-lts"];
const nvidiaSchematic = schematicId({ customization: { systemExtensions: { officialExtensions: nvidiaExtensions } } });

const nvidiaOf = (talos: string): LabExtension[] => [
  { name: "nvidia-container-toolkit-lts", version: "580.178.04-v1.19.1" },
  { name: "nvidia-open-gpu-kernel-modules-lts", version: `580.178.04-${talos}` },
];

export const schematicOf = ({ gpus = 0, schematic }: RackMachine): string => schematic ?? (gpus > 0 ? nvidiaSchematic : plainSchematic);

/** The disk that its Talos is for, and others that it may have. */
export const disksOf = ({ disks, name }: RackMachine): LabDisk[] => [
  ...(disks ?? [systemDisk({ serial: `DISK-${name.toUpperCase()}`, wwid: `eui.0025385${Buffer.from(name).toString("hex").slice(-12)}` })]),
];

/** What `lightsout.yaml` says under `talos` of such a machine. */
export const declaredOf = (machine: RackMachine): Readonly<Record<string, unknown>> => ({
  ...(schematicOf(machine) === nvidiaSchematic
    ? { extensions: nvidiaExtensions, modules: [...nvidiaModules] }
    : { schematic: schematicOf(machine) }),
  disk: { serial: disksOf(machine)[0]?.serial ?? "" },
});

/** Where all machines of a rack belong to. */
export interface RackAround {
  readonly clock: Clock;
  readonly authority: TalosAuthority;
  readonly etcd: LabEtcd;
  readonly login: { readonly user: string; readonly password: string };
  readonly scale: number;
  readonly seed: number;
  /** The configuration of a machine that is installed from the start. */
  readonly configOf: (machine: RackMachine) => string;
  readonly bootUrl: () => string | undefined;
  readonly kubeconfig: () => string;
  readonly nodeReady: (node: string) => boolean;
  /** Schematics with NVIDIA's drivers in them. */
  readonly drivers: ReadonlySet<string>;
  readonly discovered: () => readonly DiscoveredMember[];
}

export interface RackBox {
  readonly machine: RackMachine;
  readonly host: Host;
  readonly talos: TalosApi;
  readonly bmc: RedfishBmc | IpmiBmc | undefined;
  readonly kubeletPort: number;
  /** Of its network card. */
  readonly address: string;
  close(): Promise<void>;
}

/** Puts one machine into the rack: its box, its BMC, its kubelet's port and its Talos API. */
export async function createRackBox(machine: RackMachine, address: string, around: RackAround): Promise<RackBox> {
  const { name, model, gpus = 0, bootMs = 90_000, faults = {}, role = "worker", state = "installed" } = machine;
  const { clock, login, scale, seed } = around;
  const manufacturer = { dell: "Dell Inc.", hpe: "HPE", supermicro: "Supermicro", ipmi: "Supermicro" }[machine.bmc as string] ?? "ACME";
  const identity = { serial: `SN-${name.toUpperCase()}`, manufacturer, model };
  const host = createHost({ name, clock, gpus, bootMs, faults, identity, power: state === "installed" ? "on" : "off" });
  const slot = { version: machine.version ?? "v1.13.9", schematic: schematicOf(machine) };
  const blank = state === "blank";
  const storage = createTalosStorage({
    disks: disksOf(machine),
    slot: blank ? undefined : slot,
    config: blank ? undefined : around.configOf(machine),
  });
  const talos: TalosApi = await createTalosApi({
    host,
    clock,
    authority: around.authority,
    storage,
    slot,
    role,
    etcd: around.etcd,
    firmware: createFirmware({ host, storage, bootUrl: around.bootUrl, say: (line) => talos.os.say(line) }),
    nodeReady: around.nodeReady,
    kubeconfig: around.kubeconfig,
    address,
    discovered: around.discovered,
    extensionsOf: (schematic) => (schematic !== undefined && around.drivers.has(schematic) ? nvidiaOf(talos.os.running().version) : []),
  });
  const kubelet = await createKubelet(host, () => talos.os.servicesRun());
  // Whoever talks to a BMC lives in real time, and so does its session.
  const bmc =
    machine.bmc === "none"
      ? undefined
      : machine.bmc === "ipmi"
        ? await createIpmiBmc({ ...login, host, clock, seed, sessionMs: 60_000 * scale, userPrivilege: 3 })
        : await createRedfishBmc({ ...login, host, clock, seed, personality: machine.bmc });
  return {
    machine,
    host,
    talos,
    bmc,
    kubeletPort: kubelet.port,
    address,
    async close() {
      await Promise.all([bmc?.close(), kubelet.close(), talos.close()]);
    },
  };
}
