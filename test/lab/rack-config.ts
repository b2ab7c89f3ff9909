import { composeMachineConfig, nvidiaModules, parseDocuments, patchDocuments, printDocuments } from "#adapters/machineconfig/mod.ts";
import { generated } from "./generated-config.ts";
import { disksOf, type RackMachine, schematicOf } from "./rack-machine.ts";

/** What a person makes of it for the rack: kubelets ask for their serving certificates, and no CNI comes with it. */
const ofTheRack = {
  machine: { kubelet: { extraArgs: { "rotate-server-certificates": "true" } } },
  cluster: { controlPlane: { endpoint: "https://10.0.0.10:6443" }, network: { cni: { name: "none" } } },
};

/** A configuration for the rack's cluster, made of what `talosctl gen config` writes. */
export const baseConfig = (role: "control-plane" | "worker"): string =>
  printDocuments(patchDocuments(parseDocuments(generated(role, { documents: [] })), [ofTheRack]));

/** The configuration of a machine of the rack that was installed before anybody looked. */
export function configOf(machine: RackMachine): string {
  const { name, role = "worker", version = "v1.13.9" } = machine;
  return composeMachineConfig({
    base: baseConfig(role),
    facts: {
      hostname: name,
      role,
      installer: { schematic: schematicOf(machine), version },
      disk: { serial: disksOf(machine)[0]?.serial ?? "" },
      ...((machine.gpus ?? 0) > 0 && { modules: nvidiaModules }),
    },
  }).text;
}
