import { isAbsolute, join } from "node:path";
import type { ImportedCluster, ImportedMachine } from "#adapters/machineconfig/mod.ts";

/** A part of `lightsout.yaml`, ready to be written. */
interface Section {
  readonly talos: Readonly<Record<string, string>>;
  readonly machines: Readonly<Record<string, object>>;
}

/**
 * The machines of talhelper as `lightsout.yaml` has them. Each keeps the file that `talhelper genconfig` writes as its own base: patches,
 * modules and secrets are in it.
 *
 * @param folder where `talconfig.yaml` is, from the folder of `lightsout.yaml`
 */
export function talhelperSection(cluster: ImportedCluster, folder: string): { section: Section; notes: readonly string[] } {
  const { clusterName, kubernetesVersion, machines, talosVersion } = cluster;
  const at = (file: string) => `${isAbsolute(folder) ? "" : "./"}${join(folder, file)}`;
  const notes = [
    ...cluster.notes,
    `Run talhelper genconfig again after each change: ${at("clusterconfig")} is what machines are made from`,
    ...machines.flatMap(machineNotes),
  ];
  const talos = {
    talosconfig: at("clusterconfig/talosconfig"),
    context: clusterName,
    ...(talosVersion !== undefined && { version: talosVersion }),
    ...(kubernetesVersion !== undefined && { kubernetes: kubernetesVersion }),
  };
  return { section: { talos, machines: Object.fromEntries(machines.map((machine) => [machine.name, entryOf(machine, at)])) }, notes };
}

function entryOf(machine: ImportedMachine, at: (file: string) => string): object {
  const { addresses, file, labels, macs, role, schematic, schematicId, taints } = machine;
  const disk = diskOf(machine);
  const extensions = schematic?.customization?.systemExtensions?.officialExtensions;
  return {
    role,
    ...(macs.length > 0 && { macs }),
    ...(addresses[0] !== undefined && { address: addresses[0].replace(/\/\d+$/, "") }),
    talos: {
      config: at(file),
      ...(schematicId !== undefined && { schematic: schematicId }),
      ...(schematicId !== undefined && extensions && { extensions }),
      ...(disk && { disk }),
      ...(Object.keys(labels).length > 0 && { labels }),
      ...(Object.keys(taints).length > 0 && { taints }),
    },
  };
}

/** Only what names one disk; a pattern may stand for several. */
function diskOf({ installDiskSelector: selector = {} }: ImportedMachine): { serial: string } | { wwid: string } | undefined {
  const { serial, wwid } = selector;
  const exact = (value: unknown): value is string => typeof value === "string" && value !== "" && !/[*?[\]]/.test(value);
  return exact(serial) ? { serial } : exact(wwid) ? { wwid } : undefined;
}

function machineNotes(machine: ImportedMachine): string[] {
  const { macs, name, schematicId } = machine;
  return [
    ...(diskOf(machine) ? [] : [`${name}: write talos.disk with the serial or wwid of its disk (talosctl get disks -o yaml)`]),
    ...(macs.length > 0 ? [] : [`${name}: write its macs: talhelper does not know them`]),
    ...(schematicId === undefined ? [`${name}: write talos.schematic: without it nothing is known of what it is to run`] : []),
    `${name}: write its bmc, uuid and serial: talhelper does not know them`,
  ];
}
