import type { PodView } from "#adapters/cluster/port.ts";
import { type Act, type Json, RefusedError, type Step } from "#events";
import type { Ports } from "../define.ts";
import { type DiskPlan, planDisks } from "./disks.ts";
import { findMember, leaveEtcd, type Member, removeDeadMember } from "./etcd.ts";
import { demandNoErrors } from "./install.ts";
import { forfeitLeadership } from "./leadership.ts";
import { forceOff } from "./power.ts";
import { takeOutOfService } from "./service.ts";

type Wiping = Pick<Ports, "inventory" | "power" | "cluster" | "os" | "talos" | "configs" | "netboot" | "storage">;

/** A machine that is to be wiped, as it was found. */
export type Found = {
  /** Its kubelet reports: there is somebody to drain it. */
  readonly serves: boolean;
  /** Its Talos answers as ours. */
  readonly answers: boolean;
  readonly disks: DiskPlan;
  /** Pods on it that are not of a DaemonSet; those that cannot be replaced elsewhere say why. */
  readonly pods: readonly string[];
  readonly member: Member;
} & { readonly [key: string]: Json | undefined };

/** Looks at a machine before anything is done to it. Refuses what must not be wiped. */
export async function lookBeforeWiping(machine: string, ports: Wiping, signal?: AbortSignal): Promise<Found> {
  const disks = await planDisks(machine, ports, signal);
  const node = await ports.cluster.node(machine, signal);
  const pods = await ports.cluster.pods(machine, signal);
  const { role } = ports.inventory.machine(machine);
  return {
    serves: node?.ready === "true" || node?.ready === "false",
    answers: (await ports.talos.of(machine).presence(signal)).is === "ours",
    disks,
    pods: pods.filter((pod) => !pod.daemonSet && !pod.mirror).map(podLine),
    member: role === "control-plane" ? await findMember(machine, ports, signal) : null,
  };
}

const podLine = ({ namespace, name, irreplaceable }: PodView) => `${namespace}/${name}${irreplaceable ? ` (${irreplaceable})` : ""}`;

/** Pods that a question names; its plan names all. */
const shown = 8;

/** A person agrees to exactly this wipe, unless the machine is declared disposable. */
export async function askToWipe(machine: string, found: Found, step: Step, ports: Pick<Ports, "inventory" | "configs">): Promise<void> {
  const { disposable, role } = ports.inventory.machine(machine);
  if (disposable) return;
  const { disks, pods } = found;
  const { version } = ports.configs.declared(machine);
  const unread = disks.unread === undefined ? "" : ` Its disks could not be read: ${disks.unread}.`;
  const more = pods.length > shown ? ` and ${pods.length - shown} more` : "";
  const running = pods.length === 0 ? "" : ` Pods on it: ${pods.slice(0, shown).join(", ")}${more}.`;
  const ask = `Wipe ${machine} (${role}) and install Talos ${version} on ${disks.wiped}?${unread}${running}`;
  await step.approve("wipe it", { ask, plan: { machine, role, version, disks, pods }, within: "24h" });
}

/** Whether the cluster can do without the machine: room for its pods, which a person may overrule, and healthy storage, which nobody may. */
export async function demandSpare(machine: string, { serves, answers }: Found, step: Step, ports: Wiping): Promise<void> {
  // What is away already is not taken away by this.
  if (serves || answers) await step.run("storage can do without it", (signal) => healthyStorage(machine, ports, signal), { reads: true });
  if (!serves) return;
  const room = await step.run("find room for its pods", async (signal) => ({ ...(await ports.cluster.room(machine, signal)) }), {
    reads: true,
  });
  if (room.fits) return;
  const ask = `The pods of ${machine} find no room elsewhere: ${room.why}. Go on and stop them?`;
  await step.approve("go on without room", { ask, plan: { machine, room }, within: "24h" });
}

async function healthyStorage(machine: string, ports: Wiping, signal: AbortSignal): Promise<string> {
  const { healthy, why } = await ports.storage.health(signal);
  if (healthy) return why;
  throw new RefusedError(`${machine} cannot be taken away while storage is not healthy: ${why}`, {
    hint: "Nothing was done. Ask again later",
  });
}

/**
 * Takes a machine out of service, out of etcd and off. A member that works leaves by itself; that of a machine that does not answer, or whose
 * etcd is broken, is removed once the machine is proven off.
 */
export async function takeDown(machine: string, { serves, member, disks }: Found, step: Step, ports: Wiping): Promise<void> {
  await takeOutOfService(machine, step, ports, !serves);
  await step.run("see that it may still be wiped", (signal) => demandUnchanged(machine, disks, ports, signal), { reads: true });
  const able = await step.run("see what it can do by itself", (signal) => abilities(machine, ports, signal), { reads: true });
  if (member && able.leave) {
    await forfeitLeadership(machine, step, ports);
    await step.act("leave etcd", leaveEtcd(machine, member, ports));
  }
  if (able.wipe) await step.act("wipe its system disk", wipeBySelf(machine, ports));
  else await step.act("power off", forceOff(machine, ports));
  if (!member || able.leave) return;
  await step.sleep("let it be off for a moment", "5s");
  await step.act("take its dead member out of etcd", removeDeadMember(machine, member, ports));
}

/** A person may have taken hours to agree, and guards as long to allow it: what was agreed to must still be so. */
async function demandUnchanged(machine: string, agreed: DiskPlan, ports: Wiping, signal: AbortSignal): Promise<void> {
  await demandNoErrors(machine, ports);
  const { declared } = await planDisks(machine, ports, signal);
  if (declared === agreed.declared) return;
  throw new RefusedError(`${machine}: it was agreed to wipe ${agreed.declared}, and ${declared} is declared now`, {
    hint: "Nothing was wiped. Ask for it again",
  });
}

/** Whether its etcd can take itself out, and its Talos wipe the disk, which is needed where an image is booted. */
async function abilities(machine: string, ports: Wiping, signal: AbortSignal): Promise<{ leave: boolean; wipe: boolean }> {
  const talos = ports.talos.of(machine);
  if ((await talos.presence(signal)).is !== "ours") return { leave: false, wipe: false };
  const sound = async () => {
    const { errors, leader } = await talos.etcd.status(signal);
    return errors.length === 0 && leader !== undefined;
  };
  return { leave: await sound().catch(() => false), wipe: ports.netboot.way(machine).by === "media" };
}

/** An image does not start where a Talos is installed, so the machine wipes itself before it boots one, and goes off. */
const wipeBySelf = (machine: string, ports: Pick<Ports, "power" | "talos">): Act => ({
  machine,
  verb: "os-reset",
  async before(signal) {
    const { state, raw } = await ports.power.of(machine).state(signal);
    return { is: state === "on" ? "not-done" : "cannot-tell", seen: `power ${raw}` };
  },
  async observe(signal) {
    const { state, raw } = await ports.power.of(machine).state(signal);
    return { is: state === "off" ? "done" : "cannot-tell", seen: `power ${raw}` };
  },
  perform: async (permit) =>
    (await ports.talos.of(machine).reset(permit, { graceful: false, reboot: false, wipe: { what: "system-disk" } })).answer,
  settle: "10m",
  every: "5s",
  undo: `lightsout power on ${machine}`,
});
