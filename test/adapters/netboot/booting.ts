/** What one start of a simulated machine came to. */
type Start = "disk" | "installed" | "wiped" | "old-config" | "stuck";

/** What goes wrong at one start. */
export type Fault = "none" | "script-lost" | "kernel-lost" | "initramfs-lost" | "config-lost" | "power-lost";

interface Machine {
  /** Network first at every start, as a machine whose boot order is wrong. */
  start(fault?: Fault): Promise<Start>;
  /** The configuration on its disk. */
  disk(): string | undefined;
}

/**
 * A machine that always tries the network first, with a Talos on it: a configuration on its disk wins over the one that is served
 * (shared behaviour of every Talos release), the wipe argument wipes at every start that has it, and an install writes the disk.
 *
 * @param query what iPXE says of it
 */
export function createMachine(options: { url: string; bootUrl: string; query: string; disk?: string }): Machine {
  const { bootUrl, query, url } = options;
  let disk = options.disk;
  const get = (address: string) => fetch(address.replace(bootUrl, url)).then((reply) => (reply.ok ? reply.text() : undefined));
  return {
    disk: () => disk,
    async start(fault = "none") {
      const script = fault === "script-lost" ? undefined : await get(`${bootUrl}/ipxe?${query}`);
      const lines = script?.split("\n") ?? [];
      const [, kernel, ...args] = lines.find((line) => line.startsWith("kernel "))?.split(" ") ?? [];
      const initramfs = lines.find((line) => line.startsWith("initrd "))?.split(" ")[1];
      if (kernel === undefined || initramfs === undefined) return disk === undefined ? "stuck" : "disk";
      if (fault === "kernel-lost" || (await get(kernel)) === undefined) return "disk";
      if (fault === "initramfs-lost" || (await get(initramfs)) === undefined) return "disk";
      if (args.includes("talos.experimental.wipe=system")) {
        disk = undefined;
        return "wiped";
      }
      if (disk !== undefined) return "old-config";
      const from = args.find((arg) => arg.startsWith("talos.config="))?.slice("talos.config=".length) ?? "";
      const config = await get(from);
      // Talos asks again when the answer was lost on its way.
      const taken = fault === "config-lost" ? await get(from) : config;
      if (taken === undefined || fault === "power-lost") return "stuck";
      disk = taken;
      return "installed";
    },
  };
}
