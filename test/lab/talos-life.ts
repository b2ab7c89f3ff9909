import { ConfigLoadErrorEventSchema } from "#adapters/os/talos/gen/events_pb.ts";
import type { Clock } from "#events";
import type { StartHow } from "./host.ts";
import { readLabConfig } from "./talos-config.ts";
import { installerSlot } from "./talos-installer.ts";
import type { Found, TalosOs } from "./talos-os.ts";
import { selectDisk, type TalosSlot } from "./talos-storage.ts";

/** One life of a system, from its start until the machine goes down. */
export interface Life {
  readonly os: TalosOs;
  readonly clock: Clock;
  /** Passes time; rejects when this life has ended. */
  pause(ms: number): Promise<void>;
  /** As `pause`, and the machine counts as busy. */
  work(ms: number): Promise<void>;
  readonly signal: AbortSignal;
  readonly readyMs: number;
  startEtcd(pause: (ms: number) => Promise<void>): Promise<void>;
  nodeReady(): boolean;
  runs(slot: TalosSlot): void;
  /** Its API answers from now on. */
  serve(): void;
  runServices(run: boolean): void;
  take(config: string): void;
}

/** What wiping a disk, and installing on one, takes. */
const wipeMs = 5000;
const installMs = 20_000;
/** After a fatal error user space waits, so that people can read it, and starts the machine anew. */
const crashMs = 1000;
/** Talos gives up loading its configuration, and starts the machine anew. */
const loadMs = 3 * 3_600_000;
/** Of the wall, as all that goes over the network. */
const attemptMs = 30_000;

/** What a Talos does by itself. */
export const live = { start, configured };

async function start(life: Life, { slot, how, from, args }: Found & { readonly how: StartHow }): Promise<void> {
  const { os } = life;
  const fate = os.faults.badVersions.get(slot.version);
  os.boots.push({ how, version: slot.version });
  if (fate === "hangs" || (fate === "needs-kexec" && how === "firmware")) return;
  if (fate === "crashes") {
    // Only what started and then failed falls back, and only once.
    if (os.upgradePending) os.storage.next = os.storage.next === "a" ? "b" : "a";
    os.upgradePending = false;
    await life.pause(crashMs);
    os.host.press("reset", "talos");
    return;
  }
  life.runs(slot);
  os.enter("booting", false);
  os.say(`Talos ${slot.version} starts from the ${from}`);
  const { storage } = os;
  if (args.includes("talos.experimental.wipe=system")) {
    await life.work(wipeMs);
    storage.wipe();
    os.say("the system disk is wiped");
    os.host.press("reset", "talos");
    return;
  }
  if (args.includes("talos.halt_if_installed=1") && (storage.slots.a || storage.slots.b)) {
    os.say("Talos is already installed to disk but booted from another media and the talos.halt_if_installed kernel parameter is set");
    return;
  }
  const url = args.findLast((arg) => arg.startsWith("talos.config="))?.slice("talos.config=".length);
  // A complete configuration on the disk wins over whatever is served.
  if (storage.config !== undefined) return await configured(life, storage.config);
  const loaded = url === undefined || url === "none" ? undefined : await load(life, url);
  if (loaded === "gave-up") {
    os.host.press("reset", "talos");
    return;
  }
  if (loaded !== undefined) return await configured(life, loaded);
  life.serve();
  os.enter("maintenance", true);
  os.say("this machine is reachable at its Talos port, in maintenance mode");
}

/** Runs with a complete configuration, and installs first where nothing is installed. */
async function configured(life: Life, text: string): Promise<void> {
  const { os } = life;
  const { storage } = os;
  life.take(text);
  life.serve();
  if (storage.slots.a || storage.slots.b) {
    storage.config = text;
    return await runServices(life);
  }
  os.begin("install", "kexec", { takesOver: true, work: () => install(life, text) });
}

async function install(life: Life, text: string): Promise<void> {
  const { os } = life;
  const wanted = readLabConfig(text)?.install;
  const disk = selectDisk(os.storage.disks, wanted);
  if (typeof disk === "string") throw new Error(`failed to install: ${disk}`);
  const slot = wanted?.image === undefined ? os.running() : installerSlot(wanted.image);
  if (!slot) throw new Error(`failed to install: failed to pull ${wanted?.image}: not found`);
  os.say(`installing Talos ${slot.version} to disk /dev/${disk.id}`);
  os.storage.partition(disk.id);
  await life.work(installMs);
  if (os.faults.installer !== 0) throw new Error(`failed to install: installer exited with ${os.faults.installer}`);
  os.storage.installed(disk.id, slot);
  os.storage.config = text;
}

async function runServices(life: Life): Promise<void> {
  const { os } = life;
  os.enter("booting", false);
  life.runServices(true);
  await life.pause(life.readyMs);
  if (os.reading()?.role === "control-plane") await life.startEtcd(life.pause);
  if (os.stage() !== "booting") return;
  if (!life.nodeReady()) {
    os.enter("running", true);
    while (!life.nodeReady()) await life.pause(1000);
    if (os.stage() !== "running") return;
  }
  os.upgradePending = false;
  os.enter("running", true);
}

/**
 * Asks for the configuration until it is had; every refusal and failure is a reason to ask again, a 404 too (Talos:
 * internal/app/machined/pkg/controllers/config/acquire.go). Answers `undefined` for one that is not complete.
 */
async function load(life: Life, url: string): Promise<string | undefined | "gave-up"> {
  const { clock, os } = life;
  const began = clock.mono();
  for (let waitMs = 1000; clock.mono() - began < loadMs; waitMs = Math.min(waitMs * 2, 30_000)) {
    const answer = await fetched(life, url);
    const config = answer.text === undefined ? undefined : readLabConfig(answer.text);
    if (config?.complete) return answer.text;
    if (config) return undefined;
    const error = answer.text === undefined ? answer.why : "the configuration cannot be read";
    os.events.emit(ConfigLoadErrorEventSchema, { error });
    os.say(`failed to load the configuration: ${error}`);
    await life.pause(waitMs);
  }
  return "gave-up";
}

async function fetched({ signal }: Life, url: string): Promise<{ text: string } | { text?: undefined; why: string }> {
  try {
    const reply = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(attemptMs)]) });
    const text = await reply.text();
    if (reply.status !== 200) return { why: `the server answered ${reply.status}` };
    return text === "" ? { why: "config not found" } : { text };
  } catch (error) {
    signal.throwIfAborted();
    return { why: error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error) };
  }
}
