import type { RebootMode, TalosReceipt } from "#adapters/os/port.ts";
import { type Act, DeviceError, type Observation, type Permit } from "#events";
import type { Ports } from "../define.ts";
import { gracefulOff } from "./power.ts";

type Asking = Pick<Ports, "talos">;

/** What a machine runs, in which boot. */
export type Running = {
  readonly bootId: string;
  readonly version: string;
  readonly schematic: string | null;
  /** The boot after an upgrade is not confirmed, or an upgrade is installed and waits for a reboot. */
  readonly pending: boolean;
  readonly stage: string;
  readonly ready: boolean;
};

/** Asks a machine's own Talos. */
export async function runningNow(machine: string, { talos }: Asking, signal?: AbortSignal): Promise<Running> {
  const os = talos.of(machine);
  const [bootId, { tag }, schematic, pending, status] = await Promise.all([
    os.bootId(signal),
    os.version(signal),
    os.schematic(signal),
    os.upgradePending(signal),
    os.status(signal),
  ]);
  return { bootId, version: tag, schematic: schematic ?? null, pending, stage: status.stage, ready: status.ready };
}

/** How long the events are listened to that tell whether an acknowledged sequence was begun at all. */
const listenMs = 10_000;

/** An acknowledgement is no outcome: a sequence that another one locks out is refused in the events alone. */
async function begun(machine: string, receipt: TalosReceipt, { talos }: Asking, permit: Permit): Promise<string> {
  if (receipt.actor === undefined) return receipt.answer;
  const listening = AbortSignal.any([permit.signal, AbortSignal.timeout(listenMs)]);
  const end = await talos
    .of(machine)
    .follow(receipt.actor, listening)
    .catch(() => undefined);
  if (end?.end !== "refused") return end ? `${receipt.answer}; ${end.seen}` : receipt.answer;
  const about = { target: machine, operation: permit.verb, effect: "none" } as const;
  throw new DeviceError("LO_TALOS_REFUSED", about, end.seen, { hint: "Another sequence runs on it: talosctl events" });
}

/** A machine that goes down, or went, since `boot`. Silence is what going down looks like; what came of it, its proof shows. */
async function leftBoot(machine: string, boot: string, ports: Asking, signal: AbortSignal): Promise<Observation> {
  try {
    const [bootId, { stage }] = await Promise.all([ports.talos.of(machine).bootId(signal), ports.talos.of(machine).status(signal)]);
    if (bootId !== boot) return { is: "done", seen: `boot id ${bootId}` };
    const going = ["rebooting", "shutting-down", "upgrading"].includes(stage);
    return going ? { is: "done", seen: `it is ${stage}` } : { is: "not-done", seen: `${stage}, boot id unchanged` };
  } catch (error) {
    if (error instanceof DeviceError && ["LO_TALOS_UNREACHABLE", "LO_TALOS_TIMEOUT"].includes(error.code))
      return { is: "done", seen: "it fell silent" };
    throw error;
  }
}

const stillIn = async (machine: string, boot: string, ports: Asking, signal: AbortSignal): Promise<Observation> => {
  const bootId = await ports.talos.of(machine).bootId(signal);
  return bootId === boot ? { is: "not-done", seen: "boot id unchanged" } : { is: "done", seen: `boot id ${bootId}` };
};

/** Has a machine switch itself off, once it was drained: Talos would drain it anew, and hang where the cluster's API is down. */
export const shutdownOs = (machine: string, ports: Pick<Ports, "talos" | "power">): Act => ({
  ...gracefulOff(machine, ports),
  verb: "os-shutdown",
  perform: async (permit) => begun(machine, await ports.talos.of(machine).shutdown(permit, { force: true }), ports, permit),
  timeout: "30s",
});

/** Restarts a machine by its own Talos, out of the boot it was seen in. `power-cycle` goes through the firmware. */
export const reboot = (machine: string, boot: string, mode: RebootMode, ports: Asking): Act => ({
  machine,
  verb: "os-reboot",
  before: (signal) => stillIn(machine, boot, ports, signal),
  observe: (signal) => leftBoot(machine, boot, ports, signal),
  perform: async (permit) => begun(machine, await ports.talos.of(machine).reboot(permit, mode), ports, permit),
  timeout: "30s",
  settle: "2m",
  undo: `nothing: it comes back by itself (talosctl -n ${machine} dmesg -f)`,
});

/**
 * Puts a system into the slot that does not run and makes it the next to start. Below Talos 1.13 the machine restarts by itself. What somebody
 * else has put there before is replaced: nobody can tell which version it is.
 */
export const installSystem = (machine: string, image: string, found: Running, ports: Asking): Act => ({
  machine,
  verb: "upgrade",
  before: async (signal) =>
    !found.pending && (await ports.talos.of(machine).upgradePending(signal)) ? armed : stillIn(machine, found.bootId, ports, signal),
  observe: async (signal) => {
    const left = await leftBoot(machine, found.bootId, ports, signal);
    return left.is === "done" || !(await ports.talos.of(machine).upgradePending(signal)) ? left : armed;
  },
  perform: async (permit) => {
    const receipt = await ports.talos.of(machine).upgrade(permit, image);
    return receipt.api === "legacy" ? begun(machine, receipt, ports, permit) : receipt.answer;
  },
  // An installer unpacks for minutes on a slow disk.
  timeout: "15m",
  settle: "16m",
  every: "5s",
  undo: `talosctl -n ${machine} rollback`,
});

const armed: Observation = { is: "done", seen: "installed beside what runs, and next to start" };
