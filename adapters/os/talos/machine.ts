import { Code, ConnectError } from "@connectrpc/connect";
import { type Clock, LightsoutError } from "#events";
import type { Talos } from "../port.ts";
import { bootstrap, reboot, reset, rollback, shutdown } from "./acts.ts";
import { whole } from "./answer.ts";
import { type Client, createClient } from "./client.ts";
import { applyConfiguration, diffConfiguration, readConfiguration } from "./config.ts";
import { createEtcd } from "./etcd.ts";
import { readEvents } from "./events.ts";
import { readBootId, readExtensions, readMembers, readNode, readSchematic, readStatus, readSystem, readUpgradePending } from "./facts.ts";
import { MachineService } from "./gen/machine_pb.ts";
import type { TalosAddress } from "./handshake.ts";
import { isNvidiaGpu, readDisks, readPciDevices } from "./hardware.ts";
import { checkIdentity, type ExpectedIdentity } from "./identity.ts";
import { unpackKubeconfig } from "./kubeconfig.ts";
import { createMaintenance } from "./maintenance.ts";
import { askPresence, verifyMaintenance, verifyOurs } from "./presence.ts";
import { followSequence } from "./sequence.ts";
import { createSession } from "./session.ts";
import type { Talosconfig } from "./talosconfig.ts";
import { pullImage, upgrade } from "./upgrade.ts";
import { readVersion } from "./versions.ts";

/** Milliseconds. */
export interface TalosTimeouts {
  /** Connection and handshake together, and the answer to a ping. @default 5000 */
  readonly connect: number;
  /** One call with its answer. @default 10000 */
  readonly call: number;
  /** What moves data or runs an installer: pull, upgrade, snapshot, leave. @default 900000 */
  readonly long: number;
}

export interface MachineOptions {
  readonly machine: string;
  readonly address: TalosAddress;
  readonly credentials: () => Talosconfig;
  readonly expected: () => ExpectedIdentity;
  /** Of the maintenance service's key, where it is known from the machine's console. */
  readonly fingerprint: () => string | undefined;
  readonly clock: Clock;
  readonly timeouts: TalosTimeouts;
}

/** The API of one machine, and how to end its connections. */
export function createMachine(options: MachineOptions): { readonly talos: Talos; close(): void } {
  const { machine, address, clock, timeouts } = options;
  /** For judging the machine's certificate, which an expired one of our own does not hinder. */
  const trust = () => {
    const { ca, cert, key } = options.credentials();
    return { ca, cert, key };
  };
  const tls = () => {
    demandInTime(options.credentials(), clock.now());
    return trust();
  };
  const common = { address, clock, timeoutMs: timeouts.connect };
  const ours = createSession({ ...common, tls, verify: verifyOurs });
  const unconfigured = createSession({ ...common, tls: () => ({}), verify: (hands) => verifyMaintenance(hands, options.fingerprint()) });
  const clientOver = (session: typeof ours) =>
    createClient({
      machine,
      session,
      clock,
      timeoutMs: timeouts.call,
      check: async (ask, signal) => checkIdentity(machine, options.expected(), await readSystem(ask, signal)),
    });
  const client = clientOver(ours);
  const { ask } = client;

  const talos: Talos = {
    machine,
    presence: async (signal) => await askPresence(address, trust(), { clock, timeoutMs: timeouts.connect, signal }),
    version: (signal) => readVersion(ask, machine, signal),
    bootId: (signal) => readBootId(ask, machine, signal),
    schematic: (signal) => readSchematic(ask, machine, signal),
    extensions: (signal) => readExtensions(ask, signal),
    status: (signal) => readStatus(ask, signal),
    upgradePending: (signal) => readUpgradePending(ask, signal),
    system: (signal) => readSystem(ask, signal),
    disks: (signal) => readDisks(ask, signal),
    pciDevices: (signal) => readPciDevices(ask, signal),
    nvidiaGpus: async (signal) => (await readPciDevices(ask, signal)).filter(isNvidiaGpu).length,
    node: (signal) => readNode(ask, signal),
    members: (signal) => readMembers(ask, signal),
    events: (which = {}, signal) => readEvents(client, which, signal),
    follow: (actor, signal) => followSequence(readEvents(client, { actor, from: "all" }, signal), signal),
    dmesg: (which = {}, signal) => readDmesg(client, which, signal),
    reboot: (permit, mode) => reboot(client, permit, mode),
    shutdown: (permit, { force = false } = {}) => shutdown(client, permit, force),
    reset: (permit, what) => reset(client, permit, what),
    configuration: (signal) => readConfiguration(client, signal),
    diffConfiguration: (config, mode, signal) => diffConfiguration(client, config, mode, signal),
    applyConfiguration: (permit, config, how) => applyConfiguration(client, permit, config, how),
    bootstrap: (permit, { recover = false } = {}) => bootstrap(client, permit, recover),
    kubeconfig: (signal) => readKubeconfig(client, signal),
    etcd: createEtcd(client, timeouts.long),
    pullImage: (image, signal, into = "system") => pullImage(client, image, into, timeouts.long, signal),
    upgrade: (permit, image, how = {}) => upgrade(client, permit, image, how, timeouts.long),
    rollback: (permit) => rollback(client, permit),
    maintenance: createMaintenance(clientOver(unconfigured)),
  };
  return {
    talos,
    close() {
      ours.close();
      unconfigured.close();
    },
  };
}

/** Said here, for the machine may say no more than that it hangs up. */
function demandInTime({ context, validFrom, expiresAt }: Talosconfig, now: number): void {
  const date = (at: number) => new Date(at).toISOString();
  const why =
    now >= expiresAt ? `has expired on ${date(expiresAt)}` : now < validFrom ? `is valid only from ${date(validFrom)} on` : undefined;
  if (why === undefined) return;
  throw new LightsoutError("LO_CONFIG", `our certificate (context ${context}) ${why}`, {
    hint: "Make a new talosconfig on a control plane, and check the clock of this host",
  });
}

async function* readDmesg(client: Client, which: { follow?: boolean; tail?: boolean }, signal: AbortSignal | undefined) {
  const { follow = false, tail = false } = which;
  const call = { operation: "dmesg", lasting: follow ? ("silent" as const) : undefined, signal };
  for await (const line of client.listen(MachineService, call, (calls, options) => calls.dmesg({ follow, tail }, options))) {
    yield Buffer.from(whole(line).bytes).toString("utf8").trimEnd();
  }
}

async function readKubeconfig(client: Client, signal: AbortSignal | undefined): Promise<string> {
  return await client.ask(MachineService, { operation: "kubeconfig", signal }, async (calls, options) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of calls.kubeconfig({}, options)) chunks.push(whole(chunk).bytes);
    const found = unpackKubeconfig(Buffer.concat(chunks));
    if (found === undefined) throw new ConnectError("it is no archive with a kubeconfig", Code.Internal);
    return found;
  });
}
