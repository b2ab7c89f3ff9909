import { installRequested, type Step } from "#events";
import { defineFunction, type Ports } from "./define.ts";
import { isAgreed } from "./fragments/cluster-plan.ts";
import { planDisks } from "./fragments/disks.ts";
import { demandIdle } from "./fragments/idle.ts";
import { demandNoErrors, type Idle, installMachine, prepareBoot } from "./fragments/install.ts";
import { proveJoined } from "./fragments/joined.ts";

/** Install a machine that is off or waits in maintenance and that the cluster does not know. It takes nothing away from anybody. */
export default defineFunction(
  {
    id: "install",
    on: installRequested,
    uses: ["inventory", "power", "cluster", "talos", "configs", "netboot", "errands", "policy"],
    acts: ["boot-once", "power-on", "configure", "approve-serving"],
    aim: "on",
    timeout: "4h",
  },
  async ({ event, step, ports }) => {
    const { machine } = event.data;
    const { is, joins } = await step.run("see that it carries nothing", (signal) => demandIdle(machine, ports, signal), { reads: true });
    await step.run("its configuration is right", () => demandNoErrors(machine, ports), { reads: true });
    const agreed = await step.run("see whether an agreed bootstrap asks for it", () => isAgreed(machine, event, ports), { reads: true });
    if (!agreed) await askToInstall(machine, is, step, ports);
    const found: Idle = is === "off" ? { is, profile: await prepareBoot(machine, false, step, ports) } : { is };
    await installMachine(machine, found, step, ports);
    // A control plane without a cluster waits for etcd: whoever begins it proves the rest.
    if (joins) await proveJoined(machine, step, ports, null);
  },
);

type Asking = Pick<Ports, "inventory" | "talos" | "configs">;

/** A person agrees to what is written over, unless the machine is declared disposable. */
async function askToInstall(machine: string, is: Idle["is"], step: Step, ports: Asking): Promise<void> {
  const disks = await step.run("look at its disks", (signal) => planDisks(machine, ports, signal), { reads: true });
  const { disposable, role } = ports.inventory.machine(machine);
  if (disposable) return;
  const { version } = ports.configs.declared(machine);
  const unread = disks.unread === undefined ? "" : ` Its disks could not be read: ${disks.unread}.`;
  const ask = `Install Talos ${version} on ${disks.wiped} of ${machine} (${role}, ${is})?${unread}`;
  await step.approve("install it", { ask, plan: { machine, role, version, disks }, within: "24h" });
}
