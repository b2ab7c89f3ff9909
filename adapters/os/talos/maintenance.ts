import { UnsupportedError } from "#events";
import type { TalosMaintenance, TalosVersion } from "../port.ts";
import type { Ask, Client } from "./client.ts";
import { diffConfiguration, handOver } from "./config.ts";
import { readStatus, readSystem } from "./facts.ts";
import { ApplyConfigurationRequest_Mode as Mode } from "./gen/machine_pb.ts";
import { readDisks, readPciDevices } from "./hardware.ts";
import { getResource } from "./resources.ts";
import { text } from "./spec.ts";
import { parseTag, readVersion } from "./versions.ts";

/** What every version lets anybody do on a machine without a configuration. */
export function createMaintenance(client: Client): TalosMaintenance {
  const { ask, machine } = client;
  return {
    version: (signal) => readMaintenanceVersion(ask, machine, signal),
    system: (signal) => readSystem(ask, signal),
    disks: (signal) => readDisks(ask, signal),
    pciDevices: (signal) => readPciDevices(ask, signal),
    status: (signal) => readStatus(ask, signal),
    diffConfiguration: (config, signal) => diffConfiguration(client, config, "auto", signal),
    // AUTO is the one mode that all versions take here.
    applyConfiguration: async (permit, config) => await handOver(client.admit(permit, "configure"), config, Mode.AUTO),
  };
}

/** The call answers here from 1.13, the resource from 1.10, and before that there is nothing to ask. */
async function readMaintenanceVersion(ask: Ask, machine: string, signal: AbortSignal | undefined): Promise<TalosVersion | undefined> {
  try {
    return await readVersion(ask, machine, signal);
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
  }
  const kind = { namespace: "runtime", type: "Versions.runtime.talos.dev", id: "version" };
  const tag = text((await readUnlessUnknown(() => getResource(ask, kind, { operation: "version", signal })))?.version);
  return tag && parseTag(tag) ? { tag } : undefined;
}

/** A kind of resource that a version does not have is refused like one that is secret. */
async function readUnlessUnknown<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "LO_TALOS_AUTH") return undefined;
    throw error;
  }
}
