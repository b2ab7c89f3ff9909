import type { Listeners } from "#adapters/http/mod.ts";
import type { Inventory } from "#adapters/inventory/port.ts";
import type { MachineConfigs } from "#adapters/machineconfig/port.ts";
import { type BootServer, createArms, createAssets, createNetboot, createPreparation, type NetbootNotice } from "#adapters/netboot/mod.ts";
import type { Arms, Netboot } from "#adapters/netboot/port.ts";
import { type Clock, type EventStore, LightsoutError, type RuntimeLog } from "#events";
import { netbootless } from "./netbootless.ts";
import type { Config } from "./schema.ts";

/** Netboot as a configuration says: the port for functions, and the boot server once it is opened. */
export interface OpenNetboot {
  readonly port: Netboot;
  /** Absent where no boot server is configured. */
  readonly arms?: Arms;
  /** Starts to listen, where a boot server is configured, and answers where. */
  listen(): Promise<{ readonly url: string; close(): Promise<void> } | undefined>;
}

/** Builds the boot server of a configuration; nobody is served before `listen`. Throws `LO_NETBOOT_URL`. */
export function openNetboot(
  config: Config,
  options: {
    store: EventStore;
    clock: Clock;
    inventory: Inventory;
    configs: MachineConfigs;
    listeners: Listeners;
    log: Pick<RuntimeLog, "note">;
  },
): OpenNetboot {
  const { clock, configs, inventory, listeners, log, store } = options;
  const { netboot } = config;
  if (!netboot) return { port: netbootless, listen: async () => undefined };
  const talos = new Map(config.machines.map((machine) => [machine.name, machine.talos]));
  const arms = createArms({ kv: store.kv, clock });
  const { programs, source } = netboot;
  const assets = createAssets({
    folder: netboot.assets,
    ...(source !== undefined && { source: { url: source, checksums: netboot.checksums } }),
  });
  let url = netboot.url;
  const reached = () => {
    if (url !== undefined) return url;
    throw new LightsoutError("LO_NETBOOT", "The boot server does not listen yet", { hint: "Try again when Lightsout has started" });
  };
  const port = createPreparation({
    arms,
    assets,
    url: reached,
    declared: (machine) => ({ ...configs.declared(machine), arch: talos.get(machine)?.arch ?? "amd64" }),
    by: (machine) => talos.get(machine)?.netboot ?? "pxe",
  });
  const serverAt = (at: string): BootServer =>
    createNetboot({
      url: at,
      machines: inventory.machines,
      arms,
      assets,
      config: async (machine) => (await configs.render(machine)).text,
      diskBoot: (machine) => talos.get(machine)?.diskBoot ?? "auto",
      ...(programs !== undefined && { programs }),
      onNotice: (notice) => tell(notice, log),
      log,
    });

  return {
    port,
    arms,
    async listen() {
      let server: BootServer | undefined = url === undefined ? undefined : serverAt(url);
      const early = () => new Response("Try again\n", { status: 503, headers: { "retry-after": "1" } });
      const served = await listeners.serve(
        "boot",
        // Machines have no token of ours: what is secret is behind the token of an arm.
        { fetch: (request, env) => server?.fetch(request, env) ?? early(), guarded: true, endStreams: () => undefined },
        netboot.listen,
      );
      url ??= served.url;
      server ??= serverAt(url);
      return { url, close: () => served.close() };
    },
  };
}

/** Machines that boot their disks say nothing new; the arms keep the rest as evidence. */
function tell({ detail, machine = "a machine", peer, what }: NetbootNotice, log: Pick<RuntimeLog, "note">): void {
  if (what === "asset-missing") log.note("error", `netboot: ${machine} (${peer}) wants ${detail}, which is not in the cache`);
  if (what === "config-refused") log.note("warn", `netboot: ${peer} was refused a machine configuration: ${detail}`);
  if (what === "config-sent") log.note("info", `netboot: ${machine} (${peer}) was given its configuration, ${detail}`);
  if (what === "script-armed") log.note("info", `netboot: ${machine} (${peer}) boots from the network ${detail}`);
}
