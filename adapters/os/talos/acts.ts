import { Code } from "@connectrpc/connect";
import { type Permit, UnsupportedError } from "#events";
import type { RebootMode, ResetOptions, TalosReceipt } from "../port.ts";
import { only } from "./answer.ts";
import type { Client } from "./client.ts";
import { answerOf } from "./failures.ts";
import { MachineService, RebootRequest_Mode, ResetRequest_WipeMode } from "./gen/machine_pb.ts";
import { demand, readVersion } from "./versions.ts";

/** The receipt for an acknowledgement, with the actor whose events tell the outcome. */
export function sent(answer: string, actorId?: string): TalosReceipt {
  return { did: "sent", answer: actorId ? `${answer}, actor ${actorId}` : answer, ...(actorId ? { actor: actorId } : {}) };
}

const modes: Readonly<Record<RebootMode, RebootRequest_Mode>> = {
  default: RebootRequest_Mode.DEFAULT,
  "power-cycle": RebootRequest_Mode.POWERCYCLE,
  force: RebootRequest_Mode.FORCE,
};

export async function reboot(client: Client, permit: Permit, mode: RebootMode): Promise<TalosReceipt> {
  const act = client.admit(permit, "os-reboot");
  // An older machine takes a mode that it does not know for the default one, which is graceful and can hang.
  if (mode === "force") demand(client.machine, (await readVersion(act.ask, client.machine, act.signal)).tag, 12, "reboot --mode force");
  return await act.send(MachineService, { operation: "reboot" }, async (calls, options) => {
    const { actorId } = only(await calls.reboot({ mode: modes[mode] }, options));
    return sent("reboot acknowledged", actorId);
  });
}

export async function shutdown(client: Client, permit: Permit, force: boolean): Promise<TalosReceipt> {
  return await client.admit(permit, "os-shutdown").send(MachineService, { operation: "shutdown" }, async (calls, options) => {
    const { actorId } = only(await calls.shutdown({ force }, options));
    return sent("shutdown acknowledged", actorId);
  });
}

export async function reset(client: Client, permit: Permit, { graceful, reboot, wipe }: ResetOptions): Promise<TalosReceipt> {
  const request = {
    graceful,
    reboot,
    mode: {
      partitions: ResetRequest_WipeMode.SYSTEM_DISK,
      "system-disk": ResetRequest_WipeMode.SYSTEM_DISK,
      "user-disks": ResetRequest_WipeMode.USER_DISKS,
      "system-and-user-disks": ResetRequest_WipeMode.ALL,
    }[wipe.what],
    systemPartitionsToWipe: wipe.what === "partitions" ? wipe.labels.map((label) => ({ label, wipe: true })) : [],
    userDisksToWipe: "devices" in wipe ? [...wipe.devices] : [],
  };
  const act = client.admit(permit, "os-reset");
  // An empty list would be understood as everything.
  if ((wipe.what === "partitions" && wipe.labels.length === 0) || ("devices" in wipe && wipe.devices.length === 0)) {
    throw new UnsupportedError(client.machine, "reset", `it names no ${wipe.what} to wipe, which Talos would take for all of them`);
  }
  return await act.send(MachineService, { operation: "reset" }, async (calls, options) => {
    const { actorId } = only(await calls.reset(request, options));
    return sent("reset acknowledged", actorId);
  });
}

export async function rollback(client: Client, permit: Permit): Promise<TalosReceipt> {
  return await client.admit(permit, "rollback").send(MachineService, { operation: "rollback" }, async (calls, options) => {
    only(await calls.rollback({}, options));
    return sent("rollback acknowledged");
  });
}

export async function bootstrap(client: Client, permit: Permit, recover: boolean): Promise<TalosReceipt> {
  try {
    return await client.admit(permit, "bootstrap").send(MachineService, { operation: "bootstrap" }, async (calls, options) => {
      only(await calls.bootstrap({ recoverEtcd: recover, recoverSkipHashCheck: false }, options));
      return sent("bootstrap acknowledged");
    });
  } catch (error) {
    const answer = answerOf(error);
    if (answer?.code !== Code.AlreadyExists || recover) throw error;
    return { did: "already", answer: answer.message };
  }
}
