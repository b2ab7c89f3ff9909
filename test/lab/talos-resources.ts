import { stringify } from "yaml";
import type { TalosOs } from "./talos-os.ts";

export interface LabResource {
  readonly namespace: string;
  readonly type: string;
  readonly id: string;
  readonly spec: Readonly<Record<string, unknown>>;
  /** The spec, where it is not YAML of Talos's own but what it was given. */
  readonly text?: string;
}

/** Kinds that a version does not have are refused like secret ones. */
const since: Readonly<Record<string, number>> = {
  "Versions.runtime.talos.dev": 10,
  "ImageFactorySchematics.runtime.talos.dev": 14,
  "BootIDs.runtime.talos.dev": 14,
};

const known = [
  "MachineStatuses.runtime",
  "Versions.runtime",
  "ExtensionStatuses.runtime",
  "ImageFactorySchematics.runtime",
  "BootIDs.runtime",
  "MetaKeys.runtime",
  "SystemInformations.hardware",
  "PCIDevices.hardware",
  "Disks.block",
  "DiscoveredVolumes.block",
  "SystemDisks.block",
  "Members.cluster",
  "Nodenames.kubernetes",
  "NodeIPs.kubernetes",
  "Services.v1alpha1",
].map((type) => `${type}.talos.dev`);

/** Admins alone may read it. */
const sensitive = "MachineConfigs.config.talos.dev";

/** Whether somebody may read this kind in this version. */
export const hasKind = (type: string, minor: number, roles: readonly string[] | undefined): boolean =>
  type === sensitive ? (roles ?? []).includes("os:admin") : known.includes(type) && minor >= (since[type] ?? 0);

/** A system extension, by its name without the maker's. */
export interface LabExtension {
  readonly name: string;
  readonly version: string;
}

/** A machine of the cluster as others have discovered it. */
export interface DiscoveredMember {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly role: "control-plane" | "worker";
  readonly version: string;
}

/** Everything a Talos of this version shows to a reader. */
export function labResources(scene: {
  os: TalosOs;
  minor: number;
  role: "control-plane" | "worker";
  /** etcd runs on it. */
  etcd: boolean;
  address: string;
  discovered: readonly DiscoveredMember[] | undefined;
  /** Of the running image. */
  extensions: readonly LabExtension[];
}): LabResource[] {
  const { os, minor, role, address } = scene;
  const { disks, slots, system } = os.storage;
  const { version, schematic } = os.running();
  const { identity, name, gpus } = os.host;
  const runtime = (type: string, id: string, spec: LabResource["spec"]) => ({ namespace: "runtime", type: `${type}.talos.dev`, id, spec });
  const hardware = (type: string, id: string, spec: LabResource["spec"]) => ({
    namespace: "hardware",
    type: `${type}.hardware.talos.dev`,
    id,
    spec,
  });
  const hostname = os.reading()?.hostname ?? name;
  const { discovered = [{ name: hostname, addresses: [address], role, version }] } = scene;
  const pci = (slot: number, spec: LabResource["spec"]) => hardware("PCIDevices", `0000:${slot.toString(16).padStart(2, "0")}:00.0`, spec);
  const extension = (id: string, named: string, tag: string) =>
    runtime("ExtensionStatuses.runtime", id, {
      image: id,
      metadata: { name: named, version: tag, author: "Image Factory (https://factory.talos.dev)" },
    });
  return [
    runtime("MachineStatuses.runtime", "machine", { stage: os.stage(), status: { ready: os.ready(), unmetConditions: os.unmet() } }),
    runtime("Versions.runtime", "version", { version, name: "Talos" }),
    ...scene.extensions.map((one, index) => extension(String(index), one.name, one.version)),
    ...(schematic ? [extension(String(scene.extensions.length), "schematic", schematic)] : []),
    ...(schematic && minor >= 14 ? [runtime("ImageFactorySchematics.runtime", "schematic", { schematicId: schematic })] : []),
    runtime("BootIDs.runtime", "boot-id", { bootID: os.host.bootId() }),
    ...["apid", ...(os.servicesRun() ? ["kubelet"] : []), ...(scene.etcd ? ["etcd"] : [])].map((service) =>
      runtime("Services.v1alpha1", service, { running: true, healthy: true, unknown: false }),
    ),
    ...(os.upgradePending ? [runtime("MetaKeys.runtime", "0x06", { value: "A" })] : []),
    hardware("SystemInformations", "systeminformation", {
      manufacturer: identity.manufacturer,
      productName: identity.model,
      serialnumber: os.faults.reports?.serial ?? identity.serial,
      uuid: os.faults.reports?.uuid ?? identity.uuid,
    }),
    pci(1, { class: "Network controller", class_id: "0x02", vendor: "Intel", vendor_id: "0x8086", product_id: "0x1533", driver: "igb" }),
    ...Array.from({ length: gpus }, (_, index) =>
      pci(16 + index, { class: "Display controller", class_id: "0x03", vendor: "NVIDIA Corporation", vendor_id: "0x10de" }),
    ),
    ...(gpus > 0
      ? [hardware("PCIDevices", "0000:10:00.1", { class: "Multimedia controller", class_id: "0x04", vendor_id: "0x10de" })]
      : []),
    ...disks.map(({ id, size, serial, wwid, model, transport }) =>
      runtime("Disks.block", id, {
        dev_path: `/dev/${id}`,
        size,
        serial,
        wwid,
        readonly: false,
        ...(model ? { model } : {}),
        ...(transport ? { transport } : {}),
      }),
    ),
    runtime("Disks.block", "loop0", { dev_path: "/dev/loop0", size: 75_000_000, readonly: true }),
    ...disks.flatMap(({ id: disk, signatures = [] }) =>
      signatures.map(({ id, name: found, partition }) =>
        runtime("DiscoveredVolumes.block", id, {
          name: found,
          ...(id === disk ? {} : { parent: disk }),
          // The keys changed their case on the way.
          ...(partition === undefined ? {} : minor >= 10 ? { partition_label: partition } : { partitionLabel: partition }),
        }),
      ),
    ),
    ...(system !== undefined && (slots.a || slots.b)
      ? [runtime("SystemDisks.block", "system-disk", { diskID: system, devPath: `/dev/${system}` })]
      : []),
    ...(os.config === undefined
      ? []
      : [
          {
            namespace: "k8s",
            type: "Nodenames.kubernetes.talos.dev",
            id: "nodename",
            spec: { nodename: hostname, skipNodeRegistration: false },
          },
          { namespace: "k8s", type: "NodeIPs.kubernetes.talos.dev", id: "kubelet", spec: { addresses: [address] } },
        ]),
    ...(os.config === undefined ? [] : [{ namespace: "config", type: sensitive, id: "v1alpha1", spec: {}, text: os.config }]),
    ...discovered.map((member) => ({
      namespace: "cluster",
      type: "Members.cluster.talos.dev",
      id: member.name,
      spec: {
        addresses: member.addresses,
        hostname: member.name,
        machineType: member.role === "worker" ? "worker" : "controlplane",
        operatingSystem: `Talos (${member.version})`,
      },
    })),
  ];
}

export const specYaml = (resource: LabResource): string => resource.text ?? stringify(resource.spec);
