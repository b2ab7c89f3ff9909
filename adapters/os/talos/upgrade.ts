import { Code, ConnectError } from "@connectrpc/connect";
import { type Permit, UnsupportedError } from "#events";
import type { ImageStore, UpgradeOptions, UpgradeReceipt } from "../port.ts";
import { sent } from "./acts.ts";
import { only } from "./answer.ts";
import type { Admitted, Client } from "./client.ts";
import { ContainerDriver, ContainerdNamespace } from "./gen/common_pb.ts";
import { ImageService, LifecycleService } from "./gen/image_pb.ts";
import { MachineService, UpgradeRequest_RebootMode } from "./gen/machine_pb.ts";
import { readVersion, since } from "./versions.ts";

const namespaces = { system: ContainerdNamespace.NS_SYSTEM, cri: ContainerdNamespace.NS_CRI } as const;

/** Installers must lie in `system` on an installed machine. */
const storeOf = (store: ImageStore) => ({ driver: ContainerDriver.CRI, namespace: namespaces[store] });

/** How much of the installer's talk is kept. */
const lastLines = 20;

/** Pulls with the image service of 1.13, before that with the machine service. Answers the name to upgrade with. */
export async function pullImage(
  client: Client,
  image: string,
  into: ImageStore,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { tag } = await readVersion(client.ask, client.machine, signal);
  const call = { operation: "image pull", timeoutMs, signal };
  if (!since(tag, 13)) {
    await client.ask(MachineService, call, async (calls, options) =>
      only(await calls.imagePull({ namespace: namespaces[into], reference: image }, options)),
    );
    return image;
  }
  return await client.ask(ImageService, call, async (calls, options) => {
    let name = "";
    for await (const { response } of calls.pull({ containerd: storeOf(into), imageRef: image }, options)) {
      if (response.case === "name") name = response.value;
    }
    if (name === "") throw new ConnectError("the pull ended without the image's name", Code.Internal);
    return name;
  });
}

/** Installs with the lifecycle service where the machine has it, with the old call where it does not. */
export async function upgrade(
  client: Client,
  permit: Permit,
  image: string,
  options: UpgradeOptions,
  timeoutMs: number,
): Promise<UpgradeReceipt> {
  const act = client.admit(permit, "upgrade");
  const { tag } = await readVersion(act.ask, client.machine, act.signal);
  if (!since(tag, 13)) return await legacyUpgrade(act, image, options, timeoutMs);
  if (options.reboot || options.stage) {
    throw new UnsupportedError(
      client.machine,
      "upgrade with reboot or stage",
      `from Talos 1.13 an upgrade only installs, and the machine runs ${tag}`,
    );
  }
  return await install(act, image, timeoutMs);
}

/** Only an exit code of 0 is a success: the call itself ends well also when the installer failed. */
async function install(act: Admitted, image: string, timeoutMs: number): Promise<UpgradeReceipt> {
  return await act.send(LifecycleService, { operation: "upgrade", timeoutMs }, async (calls, options) => {
    const log: string[] = [];
    let exit: number | undefined;
    const spoken = () => (log.length > 0 ? `; its last words: ${log.slice(-3).join(" / ")}` : "");
    try {
      for await (const { progress } of calls.upgrade({ containerd: storeOf("system"), source: { imageName: image } }, options)) {
        if (progress?.response.case === "message" && log.push(progress.response.value.trim().slice(0, 300)) > lastLines) log.shift();
        if (progress?.response.case === "exitCode") exit = progress.response.value;
      }
    } catch (error) {
      // What begins to install and then refuses has begun to install.
      if (error instanceof ConnectError && error.metadata.has("grpc-status") && log.length > 0)
        throw answeredAs(Code.Unknown, `${error.rawMessage}${spoken()}`);
      throw error;
    }
    if (exit === undefined) throw answeredAs(Code.Unknown, `the installer ended without an exit code${spoken()}`);
    if (exit !== 0) throw answeredAs(Code.Unknown, `the installer failed with exit code ${exit}${spoken()}`);
    return { ...sent("the installer ended with exit code 0"), api: "lifecycle", reboots: false, log };
  });
}

const answeredAs = (code: Code, message: string) => new ConnectError(message, code, new Headers({ "grpc-status": String(code) }));

/** The machine pulls the image and checks etcd before it acknowledges, which takes minutes; then it drains and reboots by itself. */
async function legacyUpgrade(act: Admitted, image: string, options: UpgradeOptions, timeoutMs: number): Promise<UpgradeReceipt> {
  const { reboot = "default", stage = false } = options;
  const rebootMode = reboot === "power-cycle" ? UpgradeRequest_RebootMode.POWERCYCLE : UpgradeRequest_RebootMode.DEFAULT;
  // Neither force nor preserve: both would skip the machine's own etcd checks, and nothing is wiped by an upgrade anyway.
  const request = { image, stage, rebootMode, preserve: false, force: false };
  return await act.send(MachineService, { operation: "upgrade", timeoutMs }, async (calls, callOptions) => {
    const { ack, actorId } = only(await calls.upgrade(request, callOptions));
    return { ...sent(ack || "upgrade acknowledged", actorId), api: "legacy", reboots: true, log: [] };
  });
}
