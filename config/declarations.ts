import type { Declaration } from "#adapters/machineconfig/mod.ts";
import { present } from "./schema/store.ts";
import type { Config, MachineConfig } from "./schema.ts";

/** What a configuration declares of its machines, for `createMachineConfigs`. */
export function declarationsOf(config: Config): (machine: string) => Declaration | undefined {
  const known = new Map(config.machines.map((machine) => [machine.name, declarationOf(machine)]));
  return (machine) => known.get(machine);
}

function declarationOf({ node, role, talos }: MachineConfig): Declaration | undefined {
  if (!talos) return undefined;
  const { arch: _, diskBoot: __, netboot: ___, schematic, ...rest } = talos;
  return {
    ...rest,
    role,
    // Talos names the Node after the host.
    hostname: node,
    ...present({ schematic: schematic?.id, extensions: schematic?.extensions, kernelArgs: schematic?.kernelArgs }),
  };
}
