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
  // An older machine takes a mode that it does not know for the default one, which drains and can hang.
  if (mode === "force")
    demand(client.machine, (await readVersion(client.ask, client.machine, permit.signal)).tag, 12, "reboot --mode force");
  return await client.act(MachineService, permit, { operation: "reboot", verb: "os-reboot" }, async (calls, options) => {
    const { actorId } = only(await calls.reboot({ mode: modes[mode] }, options));
    return sent("reboot acknowledged", actorId);
  });
}

export async function shutdown(client: Client, permit: Permit, force: boolean): Promise<TalosReceipt> {
  return await client.act(MachineService, permit, { operation: "shutdown", verb: "os-shutdown" }, async (calls, options) => {
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
  // An empty list would be understood as everything.
  if ((wipe.what === "partitions" && wipe.labels.length === 0) || ("devices" in wipe && wipe.devices.length === 0)) {
    throw new UnsupportedError(client.machine, "reset", `it names no ${wipe.what} to wipe, which Talos would take for all of them`);
  }
  return await client.act(MachineService, permit, { operation: "reset", verb: "os-reset" }, async (calls, options) => {
    const { actorId } = only(await calls.reset(request, options));
    return sent("reset acknowledged", actorId);
  });
}

export async function rollback(client: Client, permit: Permit): Promise<TalosReceipt> {
  return await client.act(MachineService, permit, { operation: "rollback", verb: "rollback" }, async (calls, options) => {
    only(await calls.rollback({}, options));
    return sent("rollback acknowledged");
  });
}

export async function bootstrap(client: Client, permit: Permit, recover: boolean): Promise<TalosReceipt> {
  try {
    return await client.act(MachineService, permit, { operation: "bootstrap", verb: "bootstrap" }, async (calls, options) => {
      only(await calls.bootstrap({ recoverEtcd: recover, recoverSkipHashCheck: false }, options));
      return sent("bootstrap acknowledged");
    });
  } catch (error) {
    const answer = answerOf(error);
    if (answer?.code !== Code.AlreadyExists || recover) throw error;
    return { did: "already", answer: answer.message };
  }
}
