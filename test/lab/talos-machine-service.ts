import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { isMap, parseAllDocuments } from "yaml";
import { DataSchema } from "#adapters/os/talos/gen/common_pb.ts";
import {
  type MachineService,
  ApplyConfigurationRequest_Mode as Mode,
  RebootRequest_Mode,
  ResetRequest_WipeMode,
  UpgradeRequest_RebootMode,
} from "#adapters/os/talos/gen/machine_pb.ts";
import type { LabScene } from "./talos-api.ts";
import { demandSnapshot } from "./talos-etcd.ts";
import { packKubeconfig } from "./talos-kubeconfig.ts";
import { pull, pullInto } from "./talos-upgrade.ts";

const nameOf = (names: Readonly<Record<string, number>>, value: number) =>
  Object.keys(names).find((name) => names[name] === value) ?? value;

const refuse = (code: Code, message: string): never => {
  throw new ConnectError(message, code);
};

/** Talos's machine service over one simulated machine: what it answers, and what it then does. */
export function machineService(scene: LabScene): ServiceImpl<typeof MachineService> {
  const { os, etcd, clock, membership } = scene;
  const own = () => membership?.own() ?? refuse(Code.FailedPrecondition, "etcd is not running");
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
      if (os.config === undefined || os.stage() === "installing") {
        if (complete) os.configure(text);
      } else if (mode === Mode.STAGED) os.storage.config = text;
      else if (mode !== Mode.TRY) os.config = text;
      if (reboots) os.begin("reboot", "kexec", { takesOver: true });
      return { messages: [{ mode: used, modeDetails: "Applied configuration" }] };
    },

    bootstrap({ recoverEtcd, recoverSkipHashCheck }) {
      if (os.faults.notReadyToBootstrap || !os.servicesRun()) refuse(Code.FailedPrecondition, "bootstrap is not available yet");
      if (!membership || membership.hasData()) refuse(Code.AlreadyExists, "etcd data directory is not empty");
      const snapshot = recoverEtcd ? demandSnapshot(scene.uploaded, { unchecked: recoverSkipHashCheck }) : undefined;
      scene.effects.push("bootstrap");
      membership?.begin(snapshot);
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
      const work = () => {
        // What fails of leaving is logged, and stops nothing.
        if (graceful && etcd?.quorate()) membership?.leave();
        if (mode !== ResetRequest_WipeMode.USER_DISKS) os.storage.wipe(labels);
        os.storage.wipeUserDisks(userDisksToWipe);
      };
      return { messages: [{ actorId: os.begin("reset", reboot ? (labels.length > 0 ? "kexec" : "firmware") : "off", { work }) }] };
    },
    upgrade({ image, force, rebootMode }) {
      const slot = pull(scene, image);
      if (os.reading()?.role === "control-plane" && etcd && own() && !force) {
        if (etcd.members.length === 2) refuse(Code.FailedPrecondition, "etcd member count of 2 is not supported for upgrade");
        if (!etcd.members.every(({ started }) => started) || !etcd.quorate()) refuse(Code.FailedPrecondition, "etcd member is not healthy");
      }
      scene.effects.push(`upgrade ${image}`);
      const work = () => {
        os.install(slot);
        os.upgradePending = true;
      };
      const actorId = os.begin("upgrade", rebootMode === UpgradeRequest_RebootMode.POWERCYCLE ? "firmware" : "kexec", { work });
      return { messages: [{ ack: "Upgrade request received", actorId }] };
    },
    rollback() {
      const other = os.storage.next === "a" ? "b" : "a";
      if (!os.slots[other]) refuse(Code.Unknown, "previous UKI not found");
      scene.effects.push("rollback");
      const work = () => {
        os.storage.next = other;
      };
      os.begin("reboot", "kexec", { takesOver: true, work });
      return { messages: [{}] };
    },

    async *kubeconfig() {
      yield data(packKubeconfig(scene.kubeconfig()));
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
      const whole = etcd?.snapshot() ?? Buffer.alloc(0);
      const part = Math.ceil(whole.length / 4);
      for (let index = 0; index < 4; index += 1) {
        if (scene.snapshotBreaksAt === index) throw new ConnectError("snapshot: read failed", Code.Internal);
        context.signal.throwIfAborted();
        yield data(whole.subarray(index * part, (index + 1) * part));
      }
    },
    async etcdRecover(request, context) {
      const chunks: Uint8Array[] = [];
      for await (const { bytes } of request) chunks.push(bytes);
      // A stream that was reset ends here as one that was sent whole does; the signal tells them apart.
      context.signal.throwIfAborted();
      if (membership?.hasData()) refuse(Code.FailedPrecondition, "etcd service is not ready for recovery yet");
      const uploaded = Buffer.concat(chunks);
      scene.uploaded = uploaded;
      const hash = createHash("sha256").update(uploaded).digest("hex");
      scene.effects.push(`etcd-recover ${uploaded.length} bytes ${hash.slice(0, 8)}`);
      return { messages: [{}] };
    },
    etcdForfeitLeadership() {
      quorum();
      scene.effects.push("forfeit-leadership");
      return { messages: [{ member: etcd?.forfeit(own().name) ?? "" }] };
    },
    etcdLeaveCluster() {
      quorum();
      scene.effects.push("etcd-leave");
      membership?.leave();
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
      for (const line of os.console) lines.push(`user: warning: [2026-11-20T10:00:01.2Z]: [talos] ${line}`);
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
