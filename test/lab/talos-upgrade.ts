import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { ImageService, LifecycleService } from "#adapters/os/talos/gen/image_pb.ts";
import type { LabScene } from "./talos-api.ts";
import { installerSlot } from "./talos-installer.ts";
import type { TalosSlot } from "./talos-storage.ts";

/** Pulls an installer image as a registry gives it; throws where there is none with this name. */
export function pull(scene: LabScene, image: string): TalosSlot {
  const slot = installerSlot(image);
  if (!slot) throw new ConnectError(`failed to pull ${image}: not found`, Code.NotFound);
  scene.pulled.add(image);
  return slot;
}

const kubernetes = /^(?:registry\.k8s\.io\/kube-[a-z-]+|ghcr\.io\/siderolabs\/kubelet):v\d+\.\d+\.\d+\S*$/;

/** Pulls whatever a registry has into the store of a namespace. */
export function pullInto(scene: LabScene, namespace: number, image: string): void {
  if (!kubernetes.test(image)) pull(scene, image);
  else scene.pulled.add(`${namespace === 2 ? "cri" : "system"} ${image}`);
}

export function imageService(scene: LabScene): ServiceImpl<typeof ImageService> {
  return {
    async *pull({ imageRef, containerd }) {
      if (containerd?.driver === 0 && containerd.namespace === 2)
        throw new ConnectError("unsupported containerd instance", Code.InvalidArgument);
      pullInto(scene, containerd?.namespace ?? 0, imageRef);
      yield { response: { case: "pullProgress", value: { layerId: "sha256:1" } } };
      yield { response: { case: "name", value: imageRef } };
    },
  };
}

/** Installs and does nothing else: no etcd check, no drain, no reboot. The call ends well also when the installer did not. */
export function lifecycleService(scene: LabScene): ServiceImpl<typeof LifecycleService> {
  const { os } = scene;
  return {
    async *upgrade({ source }, context) {
      const image = source?.imageName ?? "";
      if (!scene.pulled.has(image)) throw new ConnectError(`image ${image} not found in the store`, Code.NotFound);
      if (!os.slots.a && !os.slots.b) throw new ConnectError("Talos is not installed", Code.FailedPrecondition);
      scene.effects.push(`upgrade ${image}`);
      const say = (value: string) => ({ progress: { response: { case: "message" as const, value } } });
      yield say("running pre-flight checks");
      await scene.clock.sleep(100, context.signal);
      if (os.faults.installer === "refuses-late") throw new ConnectError("installer is gone", Code.FailedPrecondition);
      if (os.faults.installer === 0) {
        os.install(pull(scene, image));
        os.upgradePending = true;
        yield say("installation complete");
      } else yield say("error: disk is full");
      if (os.faults.installer !== "no-exit-code")
        yield { progress: { response: { case: "exitCode" as const, value: os.faults.installer } } };
    },
  };
}
