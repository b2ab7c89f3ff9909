import type { EtcdMember } from "#adapters/os/port.ts";
import { type Act, DeviceError, explain, type Observation, RefusedError } from "#events";
import type { Ports } from "../define.ts";
import { mustBeOff } from "./off.ts";

type Asking = Pick<Ports, "inventory" | "talos">;

/** The control planes of the inventory, in its order. */
export const controlPlanesOf = (ports: Pick<Ports, "inventory">): string[] =>
  ports.inventory
    .machines()
    .filter(({ role }) => role === "control-plane")
    .map(({ name }) => name);

/** The members of etcd as the first control plane tells them that answers, the machine itself not being asked. Throws where none does. */
async function membersElsewhere(
  machine: string,
  ports: Asking,
  signal?: AbortSignal,
): Promise<{ from: string; members: readonly EtcdMember[] }> {
  const others = controlPlanesOf(ports).filter((name) => name !== machine);
  try {
    return await Promise.any(others.map(async (from) => ({ from, members: await ports.talos.of(from).etcd.members(signal) })));
  } catch (error) {
    const silent = error instanceof AggregateError ? error.errors.map(explain).join("; ") : explain(error);
    const about = { target: machine, operation: "find its etcd member", effect: "none" } as const;
    throw new DeviceError("LO_TALOS_UNREACHABLE", about, `no other control plane tells the members of etcd: ${silent || "there is none"}`);
  }
}

/** A machine's place in etcd. `null`: it has none. */
export type Member = { readonly id: string; readonly name: string } | null;

/**
 * Finds the machine's member, by the name of its Node, which Talos gives it. Refuses the last one: who wipes it wipes the cluster.
 */
export async function findMember(machine: string, ports: Asking, signal?: AbortSignal): Promise<Member> {
  if (controlPlanesOf(ports).length < 2) throw lastMember(machine);
  const { members } = await membersElsewhere(machine, ports, signal);
  const { node } = ports.inventory.machine(machine);
  const mine = members.find(({ name }) => name === node);
  if (mine && members.every(({ learner, name }) => learner || name === node)) throw lastMember(machine);
  return mine ? { id: mine.id, name: mine.name } : null;
}

const lastMember = (machine: string) =>
  new RefusedError(`${machine} holds the only copy of etcd: wiping it would end the cluster`, {
    hint: "Nothing was done. Take a snapshot, wipe it by hand, install it and restore it: docs/restore.md",
  });

/** The member leaves etcd and deletes its data, while the machine still runs. */
export const leaveEtcd = (machine: string, member: NonNullable<Member>, ports: Asking): Act => ({
  machine,
  verb: "etcd-remove-member",
  observe: (signal) => isGone(machine, member, ports, signal),
  perform: async (permit) => (await ports.talos.of(machine).etcd.leave(permit)).answer,
  timeout: "6m",
  settle: "7m",
  every: "5s",
  patient: true,
  undo: `talosctl -n ${machine} reboot`,
});

/** Another control plane removes the member of a machine that is off, and that nothing answers for. */
export const removeDeadMember = (machine: string, member: NonNullable<Member>, ports: Asking & Pick<Ports, "power" | "os">): Act => ({
  machine,
  verb: "etcd-remove-member",
  observe: (signal) => isGone(machine, member, ports, signal),
  async perform(permit) {
    const [{ from }] = await Promise.all([membersElsewhere(machine, ports, permit.signal), mustBeOff(machine, ports, permit.signal)]);
    return (await ports.talos.of(from).etcd.removeMember(permit, { machine, ...member })).answer;
  },
  settle: "60s",
  patient: true,
  undo: `lightsout power on ${machine}`,
});

async function isGone(machine: string, { id }: NonNullable<Member>, ports: Asking, signal: AbortSignal): Promise<Observation> {
  const { from, members } = await membersElsewhere(machine, ports, signal);
  const there = members.some((member) => member.id === id);
  return { is: there ? "not-done" : "done", seen: `${from} lists ${members.map(({ name, id: other }) => name || other).join(", ")}` };
}

/** Whether etcd lives anywhere. `cannot-tell` names who gives no answer. */
export type Anywhere = { readonly is: "somewhere" | "nowhere" | "cannot-tell"; readonly why: string };

/**
 * Whether any control plane carries etcd: one that runs it, or lists members. A machine that is off, or waits for its first configuration,
 * carries none that serves; one that answers otherwise, or not at all, may.
 */
export async function etcdAnywhere(ports: Asking & Pick<Ports, "power">, signal?: AbortSignal): Promise<Anywhere> {
  const told = await Promise.all(controlPlanesOf(ports).map((machine) => etcdOn(machine, ports, signal)));
  return (
    told.find(({ is }) => is === "somewhere") ??
    told.find(({ is }) => is === "cannot-tell") ?? { is: "nowhere", why: "etcd runs on no control plane" }
  );
}

async function etcdOn(machine: string, ports: Asking & Pick<Ports, "power">, signal?: AbortSignal): Promise<Anywhere> {
  const cannotTell = (why: string): Anywhere => ({ is: "cannot-tell", why: `${machine} does not tell (${why})` });
  try {
    const talos = ports.talos.of(machine);
    const { is, seen } = await talos.presence(signal);
    if (is === "ours" && (await talos.etcd.running(signal))) return { is: "somewhere", why: `etcd runs on ${machine}` };
    if (is === "ours") return { is: "nowhere", why: `${machine} waits` };
    if (is === "maintenance") return { is: "nowhere", why: `${machine} waits for a configuration` };
    const off = is === "silent" && (await ports.power.of(machine).state(signal)).state === "off";
    return off ? { is: "nowhere", why: `${machine} is off` } : cannotTell(seen);
  } catch (error) {
    return cannotTell(explain(error));
  }
}
