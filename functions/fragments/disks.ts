import type { Machine } from "#adapters/inventory/port.ts";
import type { Declared } from "#adapters/machineconfig/port.ts";
import type { SystemInformation, TalosDisk, TalosMaintenance } from "#adapters/os/port.ts";
import { explain, isPlaceholderSerial, isPlaceholderUuid, type Json, RefusedError, sameSerial, sameUuid } from "#events";
import type { Ports } from "../define.ts";

type Reading = Pick<Ports, "inventory" | "configs" | "talos">;

/** What an installation does to the disks of a machine, as it is put before a person. */
export type DiskPlan = {
  /** As it is declared. */
  readonly declared: string;
  /** The disk that is wiped and installed on. */
  readonly wiped: string;
  /** The disks that are left alone; `undefined` where nobody could read any disk. */
  readonly kept?: readonly string[];
  /** Why the disks could not be read. */
  readonly unread?: string;
} & { readonly [key: string]: Json | undefined };

/**
 * What would be wiped: the disk that is declared by its serial or WWID, and no other. Refuses where none is declared, where it is not in the
 * machine, where Talos is installed on another one (which is what Talos would wipe), and where it carries anything of Ceph, ZFS, LVM, RAID and
 * the like. Disks can be read where Talos answers, with a configuration of ours or in maintenance.
 */
export async function planDisks(machine: string, ports: Reading, signal?: AbortSignal): Promise<DiskPlan> {
  const declared = declaredDisk(machine, ports);
  const talos = ports.talos.of(machine);
  const { is, seen } = await talos.presence(signal);
  if (is === "foreign")
    throw refused(machine, `what answers for it is not ours (${seen})`, "Check its address: it may be another cluster's");
  if (is === "silent") return { ...unreadable(declared), unread: `its Talos does not answer (${seen})` };
  const reader: Pick<TalosMaintenance, "system" | "disks"> = is === "ours" ? talos : talos.maintenance;
  try {
    mustBe(ports.inventory.machine(machine), await reader.system(signal));
    return judgeDisks(machine, declared, await reader.disks(signal));
  } catch (error) {
    if (error instanceof RefusedError) throw error;
    return { ...unreadable(declared), unread: explain(error) };
  }
}

type DiskName = NonNullable<Declared["disk"]>;

const unreadable = (disk: DiskName) => ({ declared: nameOf(disk), wiped: nameOf(disk) });

function declaredDisk(machine: string, ports: Pick<Ports, "configs">): DiskName {
  const { disk } = ports.configs.declared(machine);
  if (disk) return disk;
  throw refused(
    machine,
    "the disk to install on is not declared by serial or WWID",
    "Declare it: a name such as /dev/sda can be another disk",
  );
}

function judgeDisks(machine: string, declared: DiskName, disks: readonly TalosDisk[]): DiskPlan {
  const there = disks.map(lineOf).join("; ") || "none";
  const found = disks.filter((disk) => isDisk(disk, declared));
  const [disk] = found;
  if (!disk) throw refused(machine, `${nameOf(declared)} is not in it. It has: ${there}`, "Correct the declared disk");
  if (found.length > 1)
    throw refused(machine, `${found.length} disks are ${nameOf(declared)}`, "Declare the disk by what tells it from the others");
  const other = disks.find((one) => one.system && one !== disk);
  if (other) {
    const why = `Talos is installed on ${lineOf(other)}, but ${nameOf(declared)} is declared: a wipe would hit the wrong disk`;
    throw refused(machine, why, "Correct the declared disk, or wipe the other one by hand");
  }
  if (disk.readonly) throw refused(machine, `${lineOf(disk)} can only be read`, "Declare another disk");
  const foreign = disk.signatures.filter((one) => one.foreign).map(({ volume, found: what, label }) => `${volume}: ${what || label}`);
  if (foreign.length > 0) {
    throw refused(
      machine,
      `${lineOf(disk)} carries what is not Talos's (${foreign.join(", ")})`,
      "Take it out of use and wipe it by hand first",
    );
  }
  return { declared: nameOf(declared), wiped: lineOf(disk), kept: disks.filter((one) => one !== disk).map(lineOf) };
}

/** Throws unless whoever answers has proven that it is this machine: by uuid or serial, and neither contradicts. */
export function mustBe(machine: Pick<Machine, "name" | "uuid" | "serial">, found: SystemInformation): void {
  const { name, uuid, serial } = machine;
  const uuids = uuid !== undefined && found.uuid !== undefined && !isPlaceholderUuid(found.uuid) ? sameUuid(found.uuid, uuid) : undefined;
  const serials =
    serial !== undefined && found.serial !== undefined && !isPlaceholderSerial(found.serial) ? sameSerial(found.serial, serial) : undefined;
  if ((uuids || serials) && uuids !== false && serials !== false) return;
  const says = `uuid ${found.uuid ?? "none"}, serial ${found.serial ?? "none"}`;
  throw refused(
    name,
    `what answers for it says ${says}, the inventory says ${uuid ?? "none"}, ${serial ?? "none"}`,
    "Check its address and identity",
  );
}

/** Whether this is the disk that is declared. */
export const isDisk = ({ serial, wwid }: Pick<TalosDisk, "serial" | "wwid">, declared: DiskName): boolean =>
  "serial" in declared ? serial === declared.serial : wwid === declared.wwid;

const nameOf = (disk: DiskName): string => ("serial" in disk ? `the disk with serial ${disk.serial}` : `the disk with WWID ${disk.wwid}`);

/** `/dev/nvme0n1 (SAMSUNG MZQL2, 480 GB, serial S64G), carries gpt, STATE xfs`. */
function lineOf({ device, model, size, serial, wwid, signatures }: TalosDisk): string {
  const about = [model, `${Math.round(size / 1e9)} GB`, serial === undefined ? wwid && `WWID ${wwid}` : `serial ${serial}`];
  const carries = [...new Set(signatures.map(({ found, label }) => [label, found].filter(Boolean).join(" ")))];
  return `${device} (${about.filter(Boolean).join(", ")})${carries.length === 0 ? ", empty" : `, carries ${carries.join(", ")}`}`;
}

const refused = (machine: string, why: string, hint: string) =>
  new RefusedError(`${machine}: ${why}`, { code: "LO_DISK", hint: `${hint}. Nothing was done` });
