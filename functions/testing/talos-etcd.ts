import type { Talos } from "#adapters/os/port.ts";
import { UnsupportedError } from "#events";
import type { FakeMember } from "./etcd.ts";
import type { TalosScene } from "./talos-scene.ts";

/** What ends a whole snapshot of the fake etcd. */
const snapshotEnd = "\nwhole";

/** Whether these bytes are a whole snapshot of the fake etcd, and not what was left of one. */
export const isWholeSnapshot = (bytes: Uint8Array): boolean => Buffer.from(bytes).toString().endsWith(snapshotEnd);

/** etcd as one fake control plane tells of it. */
export function createFakeTalosEtcd(scene: TalosScene): Pick<Talos, "etcd" | "bootstrap"> {
  const { machine, around, act, read, fail } = scene;
  const { name, facts, system, did } = machine;
  const { faults } = system;
  const { etcd } = around;
  const demandControlPlane = (operation: string) => {
    if (facts.role !== "control-plane") throw fail(operation, "LO_TALOS_REFUSED", "none", "it is no control plane");
  };
  const own = (operation: string): FakeMember => {
    demandControlPlane(operation);
    const member = etcd.of(name);
    if (member) return member;
    throw fail(operation, "LO_TALOS_REFUSED", "none", "etcd is not running");
  };
  const quorate = (operation: string): FakeMember => {
    const member = own(operation);
    if (!etcd.quorate()) throw fail(operation, "LO_TALOS_TIMEOUT", "none", "etcd has no leader");
    return member;
  };
  /** Only who has started once shows a name. */
  const nameOf = ({ machine: on, started }: FakeMember) =>
    started ? (scene.machines().find((one) => one.name === on)?.facts.node ?? on) : "";

  return {
    etcd: {
      running: () => read("etcd service", () => etcd.of(name) !== undefined),
      members: () =>
        read("etcd members", () => {
          quorate("etcd members");
          return etcd.members.map((member) => ({
            ...{ id: member.id, learner: member.learner, name: nameOf(member) },
            peerUrls: [`https://${member.machine}:2380`],
          }));
        }),
      status: () =>
        read("etcd status", () => {
          const { id, learner, errors } = own("etcd status");
          const leader = etcd.leader()?.id;
          const raft = BigInt(etcd.revision);
          return {
            ...{ member: id, leader, learner, dbSize: 4096, raftIndex: raft, raftApplied: raft },
            errors: leader === undefined ? [...errors, "etcdserver: no leader"] : [...errors],
          };
        }),
      alarms: () =>
        read("etcd alarms", () => {
          quorate("etcd alarms");
          return [...etcd.alarms];
        }),
      async *snapshot() {
        const revision = await read("etcd snapshot", () => {
          quorate("etcd snapshot");
          return etcd.revision;
        });
        yield Buffer.from(`etcd of revision ${revision}, taken on ${name}`);
        if (faults.snapshotBreaks) throw fail("etcd snapshot", "LO_TALOS_UNREACHABLE", "none", "the connection ended before the answer");
        yield Buffer.from(snapshotEnd);
      },
      async upload(snapshot) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of snapshot) chunks.push(chunk);
        await read("etcd recover", () => {
          demandControlPlane("etcd recover");
          if (etcd.of(name)) throw fail("etcd recover", "LO_TALOS_REFUSED", "none", "etcd data directory is not empty");
          system.uploaded = Buffer.concat(chunks);
        });
      },
      forfeitLeadership: () =>
        read("etcd forfeit-leadership", () => {
          quorate("etcd forfeit-leadership");
          return etcd.forfeit(name)?.machine;
        }),
      leave: (permit) =>
        act(permit, "etcd-remove-member", () => {
          const member = quorate("etcd leave");
          did.etcdRemove += 1;
          etcd.remove(member, "leave");
          return { did: "sent", answer: "left the etcd cluster" };
        }),
      async removeMember(permit, dead) {
        if (dead.machine === name) throw new UnsupportedError(name, "etcd remove-member", "a member leaves by itself");
        return await act(
          permit,
          "etcd-remove-member",
          () => {
            quorate("etcd remove-member");
            const member = etcd.members.find((one) => one.id === dead.id);
            if (!member) return { did: "already", answer: `there is no member ${dead.id}` };
            if (nameOf(member) !== dead.name) throw fail("etcd remove-member", "LO_TALOS_REFUSED", "none", `it is ${nameOf(member)}`);
            const box = scene.machines().find((one) => one.name === dead.machine);
            if (box) box.did.etcdRemove += 1;
            etcd.remove(member, "remove");
            return { did: "sent", answer: `removed member ${dead.id}` };
          },
          { about: dead.machine },
        );
      },
    },
    bootstrap: (permit, { recover = false } = {}) =>
      act(permit, "bootstrap", () => {
        const refuse = (why: string) => fail("bootstrap", "LO_TALOS_REFUSED", "none", why);
        demandControlPlane("bootstrap");
        if (faults.notReadyToBootstrap-- > 0) throw refuse("bootstrap is not available yet");
        if (etcd.of(name)) {
          if (recover) throw refuse("etcd data directory is not empty");
          return { did: "already", answer: "etcd data directory is not empty" };
        }
        if (recover && (!system.uploaded || !isWholeSnapshot(system.uploaded))) throw refuse("there is no snapshot to recover from");
        did.bootstrap += 1;
        etcd.begin(name, recover);
        return { did: "sent", answer: "bootstrap acknowledged" };
      }),
  };
}
