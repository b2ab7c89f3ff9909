import type { LabConfig } from "./talos-config.ts";

/** One of the two systems on the disk. */
export interface TalosSlot {
  readonly version: string;
  /** `undefined`: not made by an Image Factory. */
  readonly schematic: string | undefined;
}

export interface LabDisk {
  readonly id: string;
  readonly size: number;
  readonly serial: string;
  readonly wwid: string;
  readonly model?: string;
  readonly transport?: string;
  /** What lies on it and on its partitions. */
  readonly signatures?: readonly { readonly id: string; readonly name: string; readonly partition?: string }[];
}

/** The disks of one machine and what Talos has written there. It survives the power. */
export interface TalosStorage {
  disks: LabDisk[];
  /** The disk on which Talos is installed. */
  system: string | undefined;
  /** The systems on it; none before the first install. */
  slots: { a: TalosSlot | undefined; b: TalosSlot | undefined };
  /** The slot that starts next. */
  next: "a" | "b";
  /** STATE: the whole machine configuration. */
  config: string | undefined;
  /** META: the boot after an upgrade is not confirmed yet. */
  upgradePending: boolean;
  /** EPHEMERAL: the etcd member whose data this is. */
  member: bigint | undefined;
  /** EPHEMERAL: the kubelet has its serving certificate. */
  certified: boolean;
  /** Every wipe and install, as `install v1.13.9 on nvme0n1`. */
  readonly writes: string[];
  /** Begins to write a disk: whatever was on it is gone, and nothing starts from it until `installed`. */
  partition(disk: string): void;
  installed(disk: string, slot: TalosSlot): void;
  /** Loses the named partitions, or without names the whole system disk. */
  wipe(labels?: readonly string[]): void;
  /** Loses what lies on disks that are not Talos's, named as `/dev/sdb`. */
  wipeUserDisks(devices: readonly string[]): void;
}

const talosOn = (id: string): NonNullable<LabDisk["signatures"]> => [
  { id, name: "gpt" },
  { id: `${id}p1`, name: "vfat", partition: "EFI" },
  { id: `${id}p3`, name: "talosmeta", partition: "META" },
  { id: `${id}p4`, name: "xfs", partition: "STATE" },
  { id: `${id}p5`, name: "xfs", partition: "EPHEMERAL" },
];

/** A disk of half a terabyte for a system. */
export const systemDisk = (names: { serial: string; wwid: string }): LabDisk => ({
  id: "nvme0n1",
  size: 480_103_981_056,
  ...names,
  model: "LAB SSD",
  transport: "nvme",
});

/** One disk for a system, and one that belongs to Ceph. */
const labDisks = (): LabDisk[] => [
  systemDisk({ serial: "S-nvme0n1", wwid: "eui.0025388bnvme0n1" }),
  { id: "sda", size: 4_000_787_030_016, serial: "WD-0042", wwid: "naa.50014ee2", signatures: [{ id: "sda", name: "bluestore" }] },
];

/**
 * @param disks the first of them has the system, if there is one
 * @param slot what is installed; without one nothing is
 */
export function createTalosStorage(options: { disks?: LabDisk[]; slot: TalosSlot | undefined; config: string | undefined }): TalosStorage {
  const { disks = labDisks(), slot, config } = options;
  const put = (id: string, signatures: NonNullable<LabDisk["signatures"]>) => {
    storage.disks = storage.disks.map((disk) => (disk.id === id ? { ...disk, signatures } : disk));
  };
  const loseEphemeral = () => {
    storage.member = undefined;
    storage.certified = false;
  };
  const storage: TalosStorage = {
    disks,
    system: undefined,
    slots: { a: slot, b: undefined },
    next: "a",
    config,
    upgradePending: false,
    member: undefined,
    certified: slot !== undefined,
    writes: [],
    partition(id) {
      Object.assign(storage, { system: undefined, slots: { a: undefined, b: undefined }, config: undefined, upgradePending: false });
      loseEphemeral();
      put(id, [{ id, name: "gpt" }]);
    },
    installed(id, installed) {
      put(id, talosOn(id));
      Object.assign(storage, { system: id, slots: { a: installed, b: undefined }, next: "a" });
      storage.writes.push(`install ${installed.version} on ${id}`);
    },
    wipe(labels = []) {
      const { system = storage.disks[0]?.id ?? "nothing" } = storage;
      storage.writes.push(`wipe ${labels.join("+") || system}`);
      if (labels.length === 0) {
        storage.partition(system);
        put(system, []);
      }
      if (labels.includes("STATE")) storage.config = undefined;
      if (labels.includes("EPHEMERAL")) loseEphemeral();
    },
    wipeUserDisks(devices) {
      for (const device of devices) {
        storage.writes.push(`wipe ${device}`);
        put(device.replace("/dev/", ""), []);
      }
    },
  };
  const [first] = disks;
  if (slot && first) {
    storage.system = first.id;
    put(first.id, talosOn(first.id));
  }
  return storage;
}

/** The disk that a configuration selects for the system, or why it selects none, in Talos's words. */
export function selectDisk(disks: readonly LabDisk[], install: LabConfig["install"]): LabDisk | string {
  if (!install) return "no install disk or disk selector is configured";
  const { disk: device, match, selector } = install;
  if (match !== undefined) {
    const terms = match.split("&&").map((term) => /^\s*disk\.(serial|wwid|transport|model|dev_path)\s*==\s*"([^"]*)"\s*$/.exec(term));
    if (terms.includes(null)) return `failed to evaluate disk selector ${match}`;
    const holds = (disk: LabDisk) => terms.every((term) => fieldOf(disk, term?.[1] ?? "") === term?.[2]);
    return disks.find(holds) ?? `no disks matched the expression: ${match}`;
  }
  if (selector) {
    const keys = Object.entries(selector).filter(([, value]) => value !== "" && value !== null);
    const unknown = keys.find(([key]) => !["serial", "wwid", "model", "type"].includes(key));
    if (unknown) return `the lab knows no disk selector ${unknown[0]}`;
    const holds = (disk: LabDisk) => keys.every(([key, value]) => glob(String(value)).test(fieldOf(disk, key)));
    const wanted = keys.map(([key, value]) => `${key}: ${String(value)}`).join(", ");
    return (keys.length > 0 && disks.find(holds)) || `no disk found matching provided parameters: ${wanted}`;
  }
  if (device === undefined) return "no install disk or disk selector is configured";
  return disks.find((disk) => `/dev/${disk.id}` === device) ?? `the disk ${device} does not exist`;
}

function fieldOf(disk: LabDisk, key: string): string {
  if (key === "dev_path") return `/dev/${disk.id}`;
  if (key === "type") return disk.transport === "nvme" ? "nvme" : "hdd";
  return String(disk[key as keyof LabDisk] ?? "");
}

const glob = (pattern: string) =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  );
