import { rebuildRequested } from "#events";
import { defineFunction } from "./define.ts";
import { demandNoErrors, installMachine, prepareBoot } from "./fragments/install.ts";
import { proveJoined } from "./fragments/joined.ts";
import { noteBootId, uncordon } from "./fragments/service.ts";
import { takeSnapshot } from "./fragments/snapshot.ts";
import { askToWipe, demandSpare, lookBeforeWiping, takeDown } from "./fragments/takedown.ts";

/** Wipe a machine and install it anew, as it is declared. Everything is made sure of first, and a person agrees to what is wiped. */
export default defineFunction(
  {
    id: "rebuild",
    on: rebuildRequested,
    uses: ["inventory", "power", "cluster", "os", "talos", "configs", "netboot", "snapshots", "storage", "policy"],
    acts: ["cordon", "etcd-remove-member", "os-reset", "force-off", "boot-once", "power-on", "configure", "approve-serving"],
    aim: "on",
    timeout: "6h",
  },
  async ({ event, step, ports }) => {
    const { machine } = event.data;
    await step.run("its configuration is right", () => demandNoErrors(machine, ports), { reads: true });
    const found = await step.run("look at what would be wiped", (signal) => lookBeforeWiping(machine, ports, signal), { reads: true });
    await askToWipe(machine, found, step, ports);
    const profile = await prepareBoot(machine, true, step, ports);
    await demandSpare(machine, found, step, ports);
    if (ports.inventory.machine(machine).role === "control-plane") await takeSnapshot(step, ports);

    const bootBefore = await noteBootId(machine, step, ports);
    await takeDown(machine, found, step, ports);
    await installMachine(machine, { is: "off", profile }, step, ports);
    await proveJoined(machine, step, ports, bootBefore);
    await uncordon(machine, step, ports);
  },
);
