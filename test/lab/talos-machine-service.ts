import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { isMap, parseAllDocuments } from "yaml";
import { DataSchema } from "#adapters/os/talos/gen/common_pb.ts";
import {
  type MachineService,
  ApplyConfigurationRequest_Mode as Mode,
  RebootRequest_Mode,
  UpgradeRequest_RebootMode,
} from "#adapters/os/talos/gen/machine_pb.ts";
import type { LabScene } from "./talos-api.ts";
import { packKubeconfig } from "./talos-kubeconfig.ts";
import { pull, pullInto } from "./talos-upgrade.ts";

const nameOf = (names: Readonly<Record<string, number>>, value: number) =>
  Object.keys(names).find((name) => names[name] === value) ?? value;

const refuse = (code: Code, message: string): never => {
  throw new ConnectError(message, code);
};

/** Talos's machine service over one simulated machine: what it answers, and what it then does. */
export function machineService(scene: LabScene): ServiceImpl<typeof MachineService> {
  const { os, etcd, clock } = scene;
  const own = () => etcd?.members.find(({ name }) => name === os.host.name) ?? refuse(Code.FailedPrecondition, "etcd is not running");
  const quorum = () => {
    own();
    etcd?.demandQuorum();
  };
  const data = (text: string | Uint8Array) =>
    create(DataSchema, { bytes: typeof text === "string" ? new TextEncoder().encode(text) : text });

  return {
    version: () => ({
      messages: [
        {
          version: { tag: os.running().version, arch: "amd64" },
          platform: { name: "metal", mode: "metal" },
          ...(os.config === undefined ? {} : { features: { rbac: true } }),
        },
      ],
    }),

    applyConfiguration({ data: given, mode, dryRun }) {
      const text = new TextDecoder().decode(given);
      const documents = parseAllDocuments(text);
      if (documents.some(({ errors }) => errors.length > 0)) refuse(Code.InvalidArgument, "failed to parse config");
      const complete = documents.some(({ contents }) => isMap(contents) && contents.has("machine"));
      if (os.config !== undefined) {
        if (!complete) refuse(Code.InvalidArgument, "the v1alpha1 document is missing");
        if (mode === Mode.REBOOT && scene.minor() >= 14) refuse(Code.Unimplemented, "apply mode REBOOT is not supported");
      }
      const reboots =
        os.config !== undefined &&
        (mode === Mode.REBOOT || (mode === Mode.AUTO && scene.minor() < 14 && text.includes("sysfs-needs-reboot")));
      const used =
        mode === Mode.AUTO
          ? reboots
            ? Mode.REBOOT
            : Mode.NO_REBOOT
          : mode === Mode.REBOOT && os.config === undefined
            ? Mode.NO_REBOOT
            : mode;
      if (dryRun) {
        const [before, after] = [os.config ?? "", text].map((one) => one.split("\n"));
        const gone = before?.filter((line) => !after?.includes(line)).map((line) => `-${line}`) ?? [];
        const come = after?.filter((line) => !before?.includes(line)).map((line) => `+${line}`) ?? [];
        const modeDetails = gone.length + come.length > 0 ? `Config diff:\n${[...gone, ...come].join("\n")}` : "No changes.";
        return { messages: [{ mode: used, modeDetails }] };
      }
      scene.effects.push(`apply ${nameOf(Mode, mode)}`);
      if (os.config === undefined) {
        if (complete) scene.takeConfig(text);
      } else if (mode !== Mode.TRY) os.config = text;
      if (reboots) os.begin("reboot", "kexec", { takesOver: true });
      return { messages: [{ mode: used, modeDetails: "Applied configuration" }] };
    },

    bootstrap() {
      if (os.faults.notReadyToBootstrap) refuse(Code.FailedPrecondition, "bootstrap is not available yet");
      if (!etcd || etcd.members.some(({ name }) => name === os.host.name)) refuse(Code.AlreadyExists, "etcd data directory is not empty");
      scene.effects.push("bootstrap");
      scene.joinEtcd();
      return { messages: [{}] };
    },

    reboot({ mode }) {
      scene.effects.push(`reboot ${nameOf(RebootRequest_Mode, mode)}`);
      return { messages: [{ actorId: os.begin("reboot", mode === RebootRequest_Mode.DEFAULT ? "kexec" : "firmware") }] };
    },
    shutdown({ force }) {
      scene.effects.push(`shutdown${force ? " force" : ""}`);
      return { messages: [{ actorId: os.begin("shutdown", "off", { takesOver: true }) }] };
    },
    reset({ graceful, reboot, systemPartitionsToWipe, userDisksToWipe, mode }) {
      const labels = systemPartitionsToWipe.filter(({ wipe }) => wipe).map(({ label }) => label);
      scene.effects.push(`reset mode=${mode} ${labels.join("+") || "all"} ${userDisksToWipe.join("+")}`.trim());
      const before = () => {
        const me = etcd?.members.find(({ name }) => name === os.host.name);
        if (graceful && me) etcd?.remove(me.id, "leave");
        if (mode === 2) return;
        if (labels.length === 0) os.slots = { a: undefined, b: undefined };
        if (labels.length === 0 || labels.includes("STATE")) os.config = undefined;
      };
      return { messages: [{ actorId: os.begin("reset", reboot ? (labels.length > 0 ? "kexec" : "firmware") : "off", { before }) }] };
    },
    upgrade({ image, force, rebootMode }) {
      const slot = pull(scene, image);
      if (etcd && own() && !force) {
        if (etcd.members.length === 2) refuse(Code.FailedPrecondition, "etcd member count of 2 is not supported for upgrade");
        if (!etcd.members.every(({ started }) => started) || !etcd.quorate()) refuse(Code.FailedPrecondition, "etcd member is not healthy");
      }
      scene.effects.push(`upgrade ${image}`);
      const before = () => {
        os.install(slot);
        os.upgradePending = true;
      };
      const actorId = os.begin("upgrade", rebootMode === UpgradeRequest_RebootMode.POWERCYCLE ? "firmware" : "kexec", { before });
      return { messages: [{ ack: "Upgrade request received", actorId }] };
    },
    rollback() {
      const other = os.next === "a" ? "b" : "a";
      if (!os.slots[other]) refuse(Code.Unknown, "previous UKI not found");
      scene.effects.push("rollback");
      const before = () => {
        os.next = other;
      };
      os.begin("reboot", "kexec", { takesOver: true, before });
      return { messages: [{}] };
    },

    async *kubeconfig() {
      yield data(packKubeconfig("apiVersion: v1\nkind: Config\nclusters: []\n"));
    },
    etcdMemberList() {
      quorum();
      const members = (etcd?.members ?? []).map(({ id, name, started, learner }) => ({
        id,
        hostname: started ? name : "",
        isLearner: learner,
        peerUrls: [`https://127.0.0.1:2380/${name}`],
      }));
      return { messages: [{ members }] };
    },
    etcdStatus() {
      const { id, learner, errors } = own();
      const noLeader = etcd?.quorate() ? [] : ["etcdserver: no leader"];
      const memberStatus = {
        memberId: id,
        isLearner: learner,
        errors: [...errors, ...noLeader],
        leader: etcd?.leader()?.id ?? 0n,
        dbSize: 4096n,
        raftIndex: 42n,
        raftAppliedIndex: 42n,
      };
      return { messages: [{ memberStatus }] };
    },
    etcdAlarmList() {
      quorum();
      const memberAlarms = (etcd?.alarms ?? []).map(({ id, alarm }) => ({ memberId: id, alarm: alarm === "no-space" ? 1 : 2 }) as const);
      return { messages: memberAlarms.length > 0 ? [{ memberAlarms }] : [] };
    },
    async *etcdSnapshot(_, context) {
      quorum();
      for (let part = 0; part < 4; part++) {
        if (scene.snapshotBreaksAt === part) throw new ConnectError("snapshot: read failed", Code.Internal);
        context.signal.throwIfAborted();
        yield data(createHash("sha512").update(`part ${part}`).digest());
      }
    },
    async etcdRecover(request, context) {
      const hash = createHash("sha256");
      let size = 0;
      for await (const { bytes } of request) {
        hash.update(bytes);
        size += bytes.length;
      }
      // A stream that was reset ends here as one that was sent whole does; the signal tells them apart.
      context.signal.throwIfAborted();
      if (etcd?.members.some(({ name }) => name === os.host.name))
        refuse(Code.FailedPrecondition, "etcd service is not ready for recovery yet");
      scene.effects.push(`etcd-recover ${size} bytes ${hash.digest("hex").slice(0, 8)}`);
      return { messages: [{}] };
    },
    etcdForfeitLeadership() {
      quorum();
      scene.effects.push("forfeit-leadership");
      return { messages: [{ member: etcd?.forfeit(os.host.name) ?? "" }] };
    },
    etcdLeaveCluster() {
      quorum();
      scene.effects.push("etcd-leave");
      etcd?.remove(own().id, "leave");
      return { messages: [{}] };
    },
    etcdRemoveMemberByID({ memberId }) {
      quorum();
      etcd?.remove(memberId, "remove");
      scene.effects.push("etcd-remove-member");
      return { messages: [{}] };
    },

    events: (request, context) => os.events.subscribe(request, context.signal),
    async *dmesg({ follow, tail }, context) {
      const lines = [
        "kern: notice: [2026-11-20T10:00:00.000000000Z]: Linux version 6.18.44-talos",
        "user: warning: [2026-11-20T10:00:01.1Z]: [talos] booting",
      ];
      if (!tail) for (const line of lines) yield data(line);
      while (follow) {
        await clock.sleep(100, context.signal);
        yield data("kern: info: [2026-11-20T10:00:02.0Z]: tick");
      }
    },
    async *read({ path }) {
      if (path !== "/proc/sys/kernel/random/boot_id") refuse(Code.NotFound, `open ${path}: no such file`);
      yield data(`${os.host.bootId()}\n`);
    },
    imagePull({ namespace, reference }) {
      pullInto(scene, namespace, reference);
      return { messages: [{}] };
    },
  };
}
