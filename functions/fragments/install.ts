import type { BootProfile } from "#adapters/netboot/port.ts";
import { type Act, DeviceError, explain, type Json, RefusedError, type Step, TerminalError } from "#events";
import type { Ports } from "../define.ts";
import { consume, whileArmed } from "./arm.ts";
import { bootOnce, clearOverride, demandBootOnce } from "./boot.ts";
import { isDisk, mustBe, planDisks } from "./disks.ts";
import { bootPatience } from "./lost.ts";
import { bootFromNetwork, nextBoot, switchOn } from "./netboot.ts";

export type Installing = Pick<Ports, "inventory" | "power" | "talos" | "configs" | "netboot">;

/** How a machine is found: off, with what it is to load, or on and waiting for its first configuration. */
export type Idle = { readonly is: "off"; readonly profile: BootProfile } | { readonly is: "maintenance" };

/** From the configuration to the installed system: the installer's image is fetched on the way. */
const installs = "30m";

/** Refuses a machine of which nothing is declared, or whose configuration has errors. */
export async function demandNoErrors(machine: string, ports: Pick<Ports, "configs">): Promise<void> {
  const errors = (await ports.configs.problems(machine)).filter(({ level }) => level === "error");
  const [first] = errors;
  if (!first) return;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  throw new RefusedError(`The configuration of ${machine} is wrong: ${first.path}: ${first.message}${more}`, {
    code: "LO_MACHINE_CONFIG",
    hint: `${first.fix}. Nothing was installed`,
  });
}

/**
 * Makes sure that the machine can be booted into its installation: its BMC can send it there, and everything that it loads is in the cache, so
 * that its boot needs nobody else.
 */
export async function prepareBoot(
  machine: string,
  wipe: boolean,
  step: Step,
  ports: Pick<Ports, "netboot" | "power">,
): Promise<BootProfile> {
  const sent = ports.netboot.way(machine).by !== "first";
  if (sent) await step.run("its BMC can send it to the network", (signal) => demandBootOnce(machine, ports, signal), { reads: true });
  return step.run("cache what it boots", async (signal) => plain(await ports.netboot.prepare(machine, { wipe }, signal)), {
    timeout: "20m",
    planned: { kernel: "", initramfs: "", args: [], wipe },
  });
}

const plain = ({ kernel, initramfs, args, wipe = false }: BootProfile) => ({ kernel, initramfs, args: [...args], wipe });

/**
 * Installs a machine that is off or waits in maintenance on its declared disk, once, and follows it by evidence until it runs from that
 * disk as it is declared. It ends disarmed, whatever happens.
 */
export async function installMachine(machine: string, found: Idle, step: Step, ports: Installing): Promise<void> {
  const way = ports.netboot.way(machine);
  if (found.is === "off" && way.by !== "media") {
    await whileArmed(machine, found.profile, step, ports, async () => {
      await bootFromNetwork(machine, found.profile, step, ports);
      await answersAsOurs(machine, step, ports);
      await consume(machine, "Talos answers with our certificate and its identity", step, ports);
    });
  } else {
    if (found.is === "off") await bootFromMedium(machine, step, ports);
    await configure(machine, step, ports);
    await answersAsOurs(machine, step, ports);
  }
  if (found.is === "off" && way.by !== "first") await clearOverride(machine, step, ports);
  await runsAsDeclared(machine, step, ports);
}

async function bootFromMedium(machine: string, step: Step, ports: Installing): Promise<void> {
  const next = nextBoot(ports.netboot.way(machine));
  if (next) await step.act("send it to the image", bootOnce(machine, next, ports));
  await switchOn(machine, step, ports);
  const within = bootPatience(machine, ports);
  const waits = await step.until("it waits in maintenance", (signal) => inMaintenance(machine, ports, signal), { every: "5s", within });
  if (waits) return;
  throw new TerminalError(`${machine} was sent to the image and does not wait for a configuration within ${within}`, {
    hint: "Look at its console. The image stops where a Talos is installed already: then rebuild it over the network",
  });
}

/** Whether this machine, and no other that has its address, waits for a configuration. */
async function inMaintenance(machine: string, ports: Installing, signal: AbortSignal): Promise<boolean> {
  const talos = ports.talos.of(machine);
  if ((await talos.presence(signal)).is !== "maintenance") return false;
  mustBe(ports.inventory.machine(machine), await talos.maintenance.system(signal));
  return true;
}

/** Hands its configuration to a machine in maintenance, when its disks have been read there and nothing of anybody else lies on the declared one. */
async function configure(machine: string, step: Step, ports: Installing): Promise<void> {
  await step.run("read its disks in maintenance", (signal) => demandRead(machine, ports, signal), { reads: true });
  await step.act("hand it its configuration", firstConfiguration(machine, ports));
}

async function demandRead(machine: string, ports: Installing, signal: AbortSignal): Promise<Json> {
  const plan = await planDisks(machine, ports, signal);
  if (plan.unread !== undefined) throw new TerminalError(`${machine} waits in maintenance, and its disks cannot be read: ${plan.unread}`);
  return plan;
}

const firstConfiguration = (machine: string, ports: Installing): Act => ({
  machine,
  verb: "configure",
  async observe(signal) {
    const { is, seen } = await ports.talos.of(machine).presence(signal);
    return { is: is === "ours" ? "done" : is === "maintenance" ? "not-done" : "cannot-tell", seen };
  },
  async perform(permit) {
    const { text } = await ports.configs.render(machine);
    try {
      // Its details may quote secrets of the configuration.
      const { mode } = await ports.talos.of(machine).maintenance.applyConfiguration(permit, text);
      return `taken, ${mode}`;
    } catch (error) {
      // Said no for good: the same configuration is not taken the next time either.
      const refused = error instanceof DeviceError && error.code === "LO_TALOS_REFUSED" && error.effect === "none";
      throw refused ? new RefusedError(explain(error), { cause: error }) : error;
    }
  },
  // It falls silent while it installs itself and starts.
  settle: "10m",
  every: "5s",
  undo: `lightsout power off ${machine} --hard`,
});

/** The machine proves that it has its configuration: it answers with our cluster's certificate, and it is the one that was meant. */
async function answersAsOurs(machine: string, step: Step, ports: Installing): Promise<void> {
  const ours = async (signal: AbortSignal) => {
    const talos = ports.talos.of(machine);
    if ((await talos.presence(signal)).is !== "ours") return false;
    mustBe(ports.inventory.machine(machine), await talos.system(signal));
    return true;
  };
  if (await step.until("it answers as ours", ours, { every: "5s", within: installs })) return;
  throw new TerminalError(`${machine} took its configuration and has not answered as ours within ${installs}. It is left disarmed`, {
    hint: "Look at its console: a configuration that does not suit the machine, or no way to its network",
  });
}

async function runsAsDeclared(machine: string, step: Step, ports: Installing): Promise<void> {
  const declared = (signal: AbortSignal) => asDeclared(machine, ports, signal);
  if (await step.until("it runs from its disk as declared", declared, { every: "10s", within: installs })) return;
  const seen = await step.run("what it runs instead", (signal) => runningNow(machine, ports, signal).catch(explain), { reads: true });
  throw new TerminalError(`${machine} is not installed as declared within ${installs}: ${seen}`, {
    hint: `Look at its console; \`lightsout config diff ${machine}\` compares what is declared with what runs`,
  });
}

type Running = { readonly version: string; readonly schematic: string; readonly bootId: string };

/** Started from its declared disk, with the declared version and schematic. */
async function asDeclared(machine: string, ports: Installing, signal: AbortSignal): Promise<Running | undefined> {
  const talos = ports.talos.of(machine);
  const { version, schematic, disk } = ports.configs.declared(machine);
  const { stage } = await talos.status(signal);
  if (stage !== "running" && stage !== "booting") return undefined;
  const installed = (await talos.disks(signal)).find(({ system }) => system);
  const there = disk && installed && isDisk(installed, disk);
  const { tag } = await talos.version(signal);
  if (!there || tag !== version || (await talos.schematic(signal)) !== schematic) return undefined;
  return { version, schematic, bootId: await talos.bootId(signal) };
}

async function runningNow(machine: string, ports: Installing, signal: AbortSignal): Promise<string> {
  const talos = ports.talos.of(machine);
  const installed = (await talos.disks(signal)).find(({ system }) => system);
  const schematic = (await talos.schematic(signal)) ?? "none";
  return `${(await talos.version(signal)).tag}, schematic ${schematic.slice(0, 12)}, ${(await talos.status(signal)).stage}, ${installed ? `from ${installed.device}` : "not from a disk"}`;
}
