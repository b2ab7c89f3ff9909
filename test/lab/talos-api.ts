import { createSecureServer, type Http2SecureServer, type Http2ServerRequest } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { Code, ConnectError, createContextKey, createContextValues, type Interceptor } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { State } from "#adapters/os/talos/gen/cosi_pb.ts";
import { ImageService, LifecycleService } from "#adapters/os/talos/gen/image_pb.ts";
import { MachineService } from "#adapters/os/talos/gen/machine_pb.ts";
import type { Clock } from "#events";
import type { Host } from "./host.ts";
import { createMaintenanceCertificate, type TalosAuthority } from "./talos-cert.ts";
import type { LabEtcd } from "./talos-etcd.ts";
import { machineService } from "./talos-machine-service.ts";
import { createMembership, type TalosMembership } from "./talos-member.ts";
import { createTalosOs, type TalosOs, type TalosOsOptions } from "./talos-os.ts";
import { type DiscoveredMember, type LabExtension, type LabResource, labResources } from "./talos-resources.ts";
import { rule } from "./talos-rules.ts";
import { stateService } from "./talos-state.ts";
import { createTalosStorage, type LabDisk, type TalosSlot, type TalosStorage } from "./talos-storage.ts";
import { imageService, lifecycleService } from "./talos-upgrade.ts";

/** The Talos API of one simulated machine: the same protos over mutual TLS, driven by the machine and driving it. */
export interface TalosApi extends LabScene {
  readonly port: number;
  /** Every call that got past TLS, as `Reboot`, with the roles of the caller. */
  readonly calls: { readonly method: string; readonly roles: readonly string[] | undefined }[];
  /** Of the maintenance service's key. */
  readonly fingerprint: string;
  /** Open at this moment. */
  connections(): number;
  close(): Promise<void>;
}

/** What the services share. */
export interface LabScene {
  readonly os: TalosOs;
  readonly clock: Clock;
  readonly etcd: LabEtcd | undefined;
  readonly membership: TalosMembership | undefined;
  /** Everything that changed the machine, in order: what at-most-once is judged by. */
  readonly effects: string[];
  /** Images in its store. */
  readonly pulled: Set<string>;
  disks: LabDisk[];
  /** Breaks an etcd snapshot before this part of four. */
  snapshotBreaksAt: number | undefined;
  /** An etcd snapshot that was handed over for recovery. */
  uploaded: Buffer | undefined;
  minor(): number;
  kubeconfig(): string;
}

const rolesKey = createContextKey<readonly string[] | undefined>(undefined);

const minorOf = (version: string) => Number(version.split(".")[1] ?? 0);

/** The schematic without anything in it. */
export const plainSchematic = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";

export async function createTalosApi(options: {
  host: Host;
  clock: Clock;
  authority: TalosAuthority;
  /** What is installed and runs. @default "v1.13.9" of the plain schematic */
  slot?: Partial<TalosSlot>;
  /** Of a machine whose configuration does not say. @default "worker" */
  role?: "control-plane" | "worker";
  /** Starts without a configuration, and without an installed system. @default false */
  maintenance?: boolean;
  /** Its disks with what is on them. @default those of the lab, with `slot` unless it is in maintenance */
  storage?: TalosStorage;
  /** The cluster's etcd; a control plane that is configured is a member from the start. */
  etcd?: LabEtcd;
  /** @default a member of `etcd` from the start */
  member?: boolean;
  firmware?: TalosOsOptions["firmware"];
  nodeReady?: TalosOsOptions["nodeReady"];
  readyMs?: number;
  /** What a control plane gives out. @default one that opens nothing */
  kubeconfig?: () => string;
  /** Of its network card, as it says itself. @default "127.0.0.1" */
  address?: string;
  /** What is in a schematic. @default one extension in each */
  extensionsOf?: (schematic: string | undefined) => readonly LabExtension[];
  /** The machines that have been discovered. @default itself */
  discovered?: () => readonly DiscoveredMember[];
}): Promise<TalosApi> {
  const { host, clock, authority, role = "worker", maintenance = false, etcd, address = "127.0.0.1" } = options;
  const { extensionsOf = () => [{ name: "iscsi-tools", version: "v0.2.0" }] } = options;
  const slot = { version: "v1.13.9", schematic: plainSchematic, ...options.slot };
  const type = role === "worker" ? "worker" : "controlplane";
  const installed = maintenance ? undefined : slot;
  const config = installed && `version: v1alpha1\nmachine:\n  type: ${type}\n`;
  const { storage = createTalosStorage({ slot: installed, config }) } = options;
  const os: TalosOs = createTalosOs({
    host,
    clock,
    storage,
    slot: storage.slots.a ?? slot,
    startEtcd: async (pause) => membership?.start(pause),
    ...(options.firmware && { firmware: options.firmware }),
    ...(options.nodeReady && { nodeReady: options.nodeReady }),
    ...(options.readyMs !== undefined && { readyMs: options.readyMs }),
  });
  const membership = etcd && createMembership(() => os, etcd);
  const roleNow = () => os.reading()?.role ?? role;
  const throwaway = createMaintenanceCertificate();
  const calls: TalosApi["calls"] = [];
  const sockets = new Set<Socket>();

  const scene: LabScene = {
    os,
    clock,
    etcd,
    membership,
    effects: [],
    pulled: new Set(),
    get disks() {
      return storage.disks;
    },
    set disks(disks) {
      storage.disks = disks;
    },
    snapshotBreaksAt: undefined,
    uploaded: undefined,
    minor: () => minorOf(os.running().version),
    kubeconfig: options.kubeconfig ?? (() => "apiVersion: v1\nkind: Config\nclusters: []\n"),
  };
  if (roleNow() === "control-plane" && storage.config !== undefined && options.member !== false) membership?.join();
  os.onDown(() => {
    for (const socket of sockets) socket.destroy();
  });

  const guard: Interceptor = (next) => async (request) => {
    const service = request.service.typeName;
    const { name } = request.method;
    const roles = request.contextValues.get(rolesKey);
    calls.push({ method: name, roles });
    // A machine that hangs keeps its connections, and answers nothing.
    if (!os.serving() || os.faults.silent.has(name)) await new Promise((_, reject) => request.signal.addEventListener("abort", reject));
    const minor = scene.minor();
    if (request.header.has("nodes") && (service.startsWith("cosi.") || (minor >= 13 && service !== "machine.MachineService"))) {
      throw new ConnectError("one-to-many proxying is not supported for this method", Code.InvalidArgument);
    }
    const ruling = rule({
      method: `${service}/${name}`,
      minor,
      roles: os.config === undefined ? undefined : (roles ?? []),
      controlPlane: roleNow() === "control-plane",
    });
    if (ruling === "unimplemented") throw new ConnectError(`unknown method ${name} for service ${service}`, Code.Unimplemented);
    if (ruling === "not-authorized") throw new ConnectError("not authorized", Code.PermissionDenied);
    if (ruling === "control-plane-only") throw new ConnectError(`${name} is only available on control plane nodes`, Code.Unimplemented);
    const answer = await next(request);
    if (os.faults.loseAnswer.has(name)) {
      for (const socket of sockets) socket.destroy();
    }
    if (os.faults.empty.has(name) && !answer.stream) (answer.message as { messages?: unknown[] }).messages = [];
    return answer;
  };

  const resources = (): LabResource[] =>
    labResources({
      os,
      minor: scene.minor(),
      role: roleNow(),
      etcd: membership?.own()?.started === true,
      address,
      discovered: options.discovered?.(),
      extensions: extensionsOf(os.running().schematic),
    });
  const handler = connectNodeAdapter({
    interceptors: [guard],
    readMaxBytes: 32 * 1024 * 1024,
    contextValues: (request) => createContextValues().set(rolesKey, rolesOf(request as Http2ServerRequest)),
    routes(router) {
      router.service(MachineService, machineService(scene));
      router.service(ImageService, imageService(scene));
      router.service(LifecycleService, lifecycleService(scene));
      router.service(State, stateService({ resources, minor: scene.minor, rolesKey }));
    },
  });

  const configured = createSecureServer(
    { ...authority.server(host.name), ca: authority.ca, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ["h2"] },
    handler,
  );
  const unconfigured = createSecureServer({ ...throwaway, ALPNProtocols: ["h2"] }, handler);
  // Node hangs up on a client whose certificate it does not accept; Go says why first, by an alert.
  for (const server of [configured, unconfigured]) {
    server.on("tlsClientError", () => undefined);
    server.on("session", (session) => session.on("error", () => undefined));
  }
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    if (host.power() === "off" || host.faults.noMains) return socket.destroy();
    // While it boots there is a network stack at most; while it hangs that one still accepts.
    if (!host.osUp() && !host.faults.hang) return socket.destroy();
    if (os.starting()) socket.destroy();
    else if (os.serving()) takeOver(os.config === undefined ? unconfigured : configured, socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return Object.assign(scene, {
    port: (server.address() as AddressInfo).port,
    calls,
    fingerprint: throwaway.fingerprint,
    connections: () => sockets.size,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

const takeOver = (server: Http2SecureServer, socket: Socket) => server.emit("connection", socket);

/** The organizations of the client's certificate. */
function rolesOf(request: Http2ServerRequest): readonly string[] {
  const peer = (request.stream.session?.socket as TLSSocket | undefined)?.getPeerX509Certificate?.();
  return (peer?.subject ?? "").split("\n").flatMap((line) => (line.startsWith("O=") ? [line.slice(2)] : []));
}
