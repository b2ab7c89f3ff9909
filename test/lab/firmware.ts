import { type BootAssetKind, readBootAsset } from "./boot-asset.ts";
import type { BootOverride, Host } from "./host.ts";
import { runIpxe } from "./ipxe.ts";
import type { Found } from "./talos-os.ts";
import type { TalosStorage } from "./talos-storage.ts";

type Device = "disk" | "pxe" | "http" | "cd";

/** What starts; `undefined`: the next device is tried; `dead`: it ended in a panic. */
type Try = Found | "dead" | undefined;

/** Of the wall, for one file. */
const patienceMs = 15_000;

/**
 * The firmware of a machine: what the BMC has set comes first, then the boot order, and whatever does not start leads to the next. From the
 * network it loads everything over real HTTP. Answers `undefined` where nothing starts.
 * @param bootUrl where DHCP sends it; nobody answers there without one
 */
export function createFirmware(options: {
  host: Host;
  storage: TalosStorage;
  bootUrl: () => string | undefined;
  say: (line: string) => void;
}): (override: BootOverride, signal: AbortSignal) => Promise<Found | undefined> {
  const { bootUrl, host, say, storage } = options;

  const fetched = (signal: AbortSignal) => async (url: string) => {
    try {
      const reply = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]) });
      const body = Buffer.from(await reply.arrayBuffer());
      if (reply.status !== 200) say(`${url.replace(/(\/(boot|config)\/)[^/]+/, "$1…")} answers ${reply.status}`);
      return reply.status === 200 ? body : undefined;
    } catch (error) {
      signal.throwIfAborted();
      say(`${new URL(url).origin} does not answer: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  };
  const ipxe = async (url: string, mode: string, signal: AbortSignal): Promise<Try> => {
    const [mac = ""] = host.macs;
    const { serial, uuid } = host.identity;
    const platform = mode === "Legacy" ? "pcbios" : "efi";
    const reads = (kind: BootAssetKind, bytes: Buffer | undefined) => bytes && readBootAsset(kind, bytes);
    const end = await runIpxe(url, {
      settings: { uuid, serial, mac, "net0/mac": mac, "netX/mac": mac, buildarch: "x86_64", platform },
      get: fetched(signal),
      isKernel: (bytes) => reads("kernel", bytes) !== undefined,
      say,
    });
    if (end.is === "leave") {
      say(`iPXE leaves: ${end.how}`);
      return undefined;
    }
    // The initramfs is Talos: its version, and its extensions.
    const slot = reads("initramfs", end.initrd);
    if (slot) return { slot, from: "network", args: end.args };
    say("Kernel panic - not syncing: No working init found");
    return "dead";
  };

  const devices: Readonly<Record<Device, (override: BootOverride, signal: AbortSignal) => Promise<Try>>> = {
    disk: async () => {
      const slot = storage.slots[storage.next];
      return slot && { slot, from: "disk", args: [] };
    },
    async pxe({ mode }, signal) {
      const url = bootUrl();
      if (url === undefined) say("PXE: no DHCP offers were received");
      return url === undefined ? undefined : await ipxe(`${url}/boot.ipxe`, mode, signal);
    },
    async http({ mode, uri }, signal) {
      if (uri === undefined || !(await fetched(signal)(uri))) return undefined;
      // iPXE looks for its script beside its own program.
      return await ipxe(new URL("autoexec.ipxe", uri).href, mode, signal);
    },
    async cd(_, signal) {
      const image = host.medium === undefined ? undefined : await fetched(signal)(host.medium);
      const slot = image && readBootAsset("image", image);
      return slot && { slot, from: "medium", args: ["talos.platform=metal", "talos.halt_if_installed=1"] };
    },
  };

  return async (override, signal) => {
    if (override.target === "bios") {
      say("It waits in its setup");
      return undefined;
    }
    const order: Device[] = host.bootOrder === "network" ? ["pxe", "disk"] : ["disk", "pxe"];
    const first = Object.keys(devices).find((device): device is Device => device === override.target);
    for (const device of new Set(first ? [first, ...order] : order)) {
      const found = await devices[device](override, signal);
      if (found) return found === "dead" ? undefined : found;
    }
    say("No bootable device");
    return undefined;
  };
}
