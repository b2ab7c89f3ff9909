import { Code } from "@connectrpc/connect";
import { LightsoutError, type Permit, UnsupportedError } from "#events";
import type { DeadMember, EtcdAlarm, TalosEtcd, TalosReceipt } from "../port.ts";
import { sent } from "./acts.ts";
import { only, whole } from "./answer.ts";
import type { Client } from "./client.ts";
import { answerOf, talosError } from "./failures.ts";
import { EtcdMemberAlarm_AlarmType as Alarm, MachineService } from "./gen/machine_pb.ts";
import { getResource } from "./resources.ts";
import { flag } from "./spec.ts";

/** As etcdctl writes ids. */
const hex = (id: bigint): string => id.toString(16).padStart(16, "0");

const alarmNames: Readonly<Record<number, EtcdAlarm["alarm"]>> = { [Alarm.NOSPACE]: "no-space", [Alarm.CORRUPT]: "corrupt" };

/** @param longMs for a snapshot and for leaving, which waits for the others */
export function createEtcd(client: Client, longMs: number): TalosEtcd {
  const { ask, machine } = client;
  return {
    running: async (signal) => flag((await getResource(ask, service, { operation: "etcd service", signal }))?.running),
    members: (signal) =>
      ask(MachineService, { operation: "etcd members", signal }, async (calls, options) =>
        only(await calls.etcdMemberList({}, options)).members.map(({ id, hostname, isLearner, peerUrls }) => ({
          id: hex(id),
          name: hostname,
          learner: isLearner,
          peerUrls,
        })),
      ),
    status: (signal) =>
      ask(MachineService, { operation: "etcd status", signal }, async (calls, options) => {
        const { memberStatus: status } = only(await calls.etcdStatus({}, options));
        return {
          member: hex(status?.memberId ?? 0n),
          leader: status?.leader ? hex(status.leader) : undefined,
          learner: status?.isLearner ?? false,
          // An answer without a status is no sign of health.
          errors: status ? status.errors : ["the machine told no status"],
          dbSize: Number(status?.dbSize ?? 0n),
          raftIndex: status?.raftIndex ?? 0n,
          raftApplied: status?.raftAppliedIndex ?? 0n,
        };
      }),
    alarms: (signal) =>
      ask(MachineService, { operation: "etcd alarms", signal }, async (calls, options) => {
        const { messages } = await calls.etcdAlarmList({}, options);
        const raised = messages.flatMap((message) => whole(message).memberAlarms).filter(({ alarm }) => alarm !== Alarm.NONE);
        return raised.map(({ memberId, alarm }) => ({ member: hex(memberId), alarm: alarmNames[alarm] ?? "unknown" }));
      }),
    async *snapshot(signal) {
      const call = { operation: "etcd snapshot", timeoutMs: longMs, signal };
      for await (const chunk of client.listen(MachineService, call, (calls, options) => calls.etcdSnapshot({}, options))) {
        yield whole(chunk).bytes;
      }
    },
    upload: (snapshot, signal) => upload(client, snapshot, longMs, signal),
    forfeitLeadership: (signal) =>
      ask(MachineService, { operation: "etcd forfeit-leadership", signal }, async (calls, options) => {
        return only(await calls.etcdForfeitLeadership({}, options)).member || undefined;
      }),
    leave: async (permit) =>
      await client
        .admit(permit, "etcd-remove-member")
        .send(MachineService, { operation: "etcd leave", timeoutMs: longMs }, async (calls, options) => {
          only(await calls.etcdLeaveCluster({}, options));
          return sent("left the etcd cluster");
        }),
    removeMember: async (permit, member) => await removeMember(client, permit, member, parseId(machine, member.id)),
  };
}

/** Well below what Talos takes in one message. */
const chunkBytes = 1024 * 1024;

/** A snapshot that cannot be read to its end breaks the call off, so that the machine does not take what came for the whole. */
async function upload(
  client: Client,
  snapshot: AsyncIterable<Uint8Array>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let broken: { readonly error: unknown } | undefined;
  const source = snapshot[Symbol.asyncIterator]();
  const read = async () => {
    try {
      return await source.next();
    } catch (error) {
      broken = { error };
      throw error;
    }
  };
  async function* chunks() {
    for (let next = await read(); !next.done; next = await read()) {
      for (let at = 0; at < next.value.length; at += chunkBytes) yield { bytes: next.value.subarray(at, at + chunkBytes) };
    }
  }
  try {
    await client.ask(MachineService, { operation: "etcd recover", timeoutMs, signal }, async (calls, options) => {
      only(await calls.etcdRecover(chunks(), options));
    });
  } catch (error) {
    throw broken ? broken.error : error;
  } finally {
    // Not waited for: one that hangs would hang here too.
    source.return?.().catch(() => undefined);
  }
}

/** Talos has it in its list only while the service runs. */
const service = { namespace: "runtime", type: "Services.v1alpha1.talos.dev", id: "etcd" };

async function removeMember(client: Client, permit: Permit, { machine, name }: DeadMember, memberId: bigint): Promise<TalosReceipt> {
  if (machine === client.machine) throw new UnsupportedError(machine, "etcd remove-member", "a member leaves by itself");
  const act = client.admit(permit, "etcd-remove-member", machine);
  const { members } = await act.ask(MachineService, { operation: "etcd members", signal: act.signal }, async (calls, options) =>
    only(await calls.etcdMemberList({}, options)),
  );
  const found = members.find(({ id }) => id === memberId);
  if (!found) return { did: "already", answer: `there is no member ${hex(memberId)}` };
  if (found.hostname !== name) {
    const why = `member ${hex(memberId)} is ${found.hostname || "one that never started"}, not ${name || "one that never started"}`;
    throw talosError({ machine: client.machine, operation: "etcd remove-member", sent: false }, "LO_TALOS_REFUSED", why);
  }
  try {
    return await act.send(MachineService, { operation: "etcd remove-member" }, async (calls, options) => {
      only(await calls.etcdRemoveMemberByID({ memberId }, options));
      return sent(`removed member ${hex(memberId)}`);
    });
  } catch (error) {
    const answer = answerOf(error);
    if (answer?.code !== Code.NotFound) throw error;
    return { did: "already", answer: answer.message };
  }
}

function parseId(machine: string, id: string): bigint {
  if (/^[0-9a-f]{1,16}$/i.test(id) && BigInt(`0x${id}`) !== 0n) return BigInt(`0x${id}`);
  throw new LightsoutError("LO_CONFIG", `${machine}: "${id.slice(0, 40)}" is no etcd member id`, {
    hint: "Give it as etcdctl shows it: up to 16 hexadecimal digits",
  });
}
