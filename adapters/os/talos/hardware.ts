import type { DiskSignature, PciDevice, TalosDisk } from "../port.ts";
import type { Ask } from "./client.ts";
import { getResource, listResources } from "./resources.ts";
import { amount, flag, present, type Spec, text } from "./spec.ts";

/** Labels of the partitions that Talos itself makes, and of the volumes a configuration asks it for (`u-`, `r-`, `s-`). */
const ownLabels = /^(EFI|BIOS|BOOT|META|STATE|EPHEMERAL|IMAGECACHE|[urs]-.+)$/;

/** A partition table alone holds no data; everything else that was recognized does. */
const tables = ["gpt", "mbr", "dos"];

/** Disks in use for something: without loop devices, device mapper and optical drives. */
export async function readDisks(ask: Ask, signal: AbortSignal | undefined): Promise<readonly TalosDisk[]> {
  const call = { operation: "disks", signal };
  const block = (type: string) => ({ namespace: "runtime", type: `${type}.block.talos.dev` });
  const [disks, volumes, system] = [
    await listResources(ask, block("Disks"), call),
    await listResources(ask, block("DiscoveredVolumes"), call),
    await getResource(ask, { ...block("SystemDisks"), id: "system-disk" }, call),
  ];
  const signatures = volumes.map(({ id, spec }) => ({ disk: text(spec.parent) ?? id, signature: signatureOf(id, spec) }));
  return disks
    .filter(({ id, spec }) => !/^(loop|dm-|sr|zram|ram)\d/.test(id) && !flag(spec.cdrom))
    .map(({ id, spec }) => ({
      device: text(spec.dev_path) ?? `/dev/${id}`,
      size: amount(spec.size),
      readonly: flag(spec.readonly),
      system: text(system?.diskID) === id,
      signatures: signatures.flatMap(({ disk, signature }) => (disk === id && signature ? [signature] : [])),
      ...present({ model: text(spec.model), serial: text(spec.serial), wwid: text(spec.wwid), transport: text(spec.transport) }),
    }));
}

/** Older releases write the keys in camel case, newer ones with underscores. */
function signatureOf(volume: string, spec: Spec): DiskSignature | undefined {
  const found = text(spec.name) ?? "";
  const partition = text(spec.partition_label) ?? text(spec.partitionLabel);
  if (found === "" && partition === undefined) return undefined;
  const own = partition !== undefined && ownLabels.test(partition);
  const foreign = !own && !tables.includes(found);
  return { volume, found, foreign, ...present({ label: partition ?? text(spec.label) }) };
}

export async function readPciDevices(ask: Ask, signal: AbortSignal | undefined): Promise<readonly PciDevice[]> {
  const kind = { namespace: "hardware", type: "PCIDevices.hardware.talos.dev" };
  return (await listResources(ask, kind, { operation: "PCI devices", signal })).map(({ id, spec }) => ({
    address: id,
    vendorId: (text(spec.vendor_id) ?? "").toLowerCase(),
    classId: (text(spec.class_id) ?? "").toLowerCase(),
    ...present({ vendor: text(spec.vendor), product: text(spec.product), driver: text(spec.driver) }),
  }));
}

/** NVIDIA's vendor id with the class of display controllers: not the sound, USB and bridge functions of the same cards. */
export const isNvidiaGpu = (device: PciDevice): boolean => device.vendorId === "0x10de" && device.classId === "0x03";
