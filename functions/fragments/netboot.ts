import type { Arm, BootProfile, BootWay, Evidence } from "#adapters/netboot/port.ts";
import { type Duration, type Step, TerminalError } from "#events";
import type { Ports } from "../define.ts";
import { arm, armOf } from "./arm.ts";
import { bootOnce, type NextBoot } from "./boot.ts";
import { bootPatience } from "./lost.ts";
import { powerOn } from "./power.ts";

type Booting = Pick<Ports, "inventory" | "power" | "netboot">;

/**
 * Starts a machine that is off and armed into what it is armed for, and follows it by what it fetches until its configuration was handed out.
 * Each stage has a deadline; one that is not reached fails with what it means.
 */
export async function bootFromNetwork(machine: string, profile: BootProfile, step: Step, ports: Booting): Promise<void> {
  const next = nextBoot(ports.netboot.way(machine));
  const asks = bootPatience(machine, ports);
  await override("send it to the network", machine, next, step, ports);
  await switchOn(machine, step, ports, profile);
  if (profile.wipe === true) {
    await reach(machine, { ...stages.asks, name: "it asks what to boot, to be wiped", within: asks, seen: asked }, step, ports);
    await reach(machine, { ...stages.loads, name: "it has loaded what wipes it", within: "10m", seen: wipes }, step, ports);
    // Wiped, it starts anew through its firmware, which finds nothing on the disk.
    const used = async () => toInstall(await armOf(machine, step, ports))?.detail;
    await override("send it to the network again", machine, next && { ...next, used }, step, ports);
  }
  await reach(machine, { ...stages.asks, name: "it asks what to boot, to be installed", within: asks, seen: toInstall }, step, ports);
  await reach(machine, { ...stages.loads, name: "it has loaded what installs it", within: "10m", seen: loaded }, step, ports);
  await reach(machine, { ...stages.takes, name: "it has fetched its configuration", within: "10m", seen: taken }, step, ports);
}

/** Where the machine is sent; `undefined` where it goes there by itself. */
export function nextBoot(way: BootWay): NextBoot | undefined {
  if (way.by === "first") return undefined;
  if (way.by === "pxe") return { target: "pxe" };
  return { target: way.by === "http" ? "http" : "cd", uri: way.uri };
}

async function override(name: string, machine: string, next: NextBoot | undefined, step: Step, ports: Booting): Promise<void> {
  if (next) await step.act(name, bootOnce(machine, next, ports));
}

/** Power on. With a profile it is armed anew where its arm has run out while something held the run up. */
export async function switchOn(machine: string, step: Step, ports: Booting, profile?: BootProfile): Promise<void> {
  const on = powerOn(machine, ports);
  await step.act("power on", {
    ...on,
    async perform(permit) {
      if (profile) await arm(machine, profile, step, ports);
      return on.perform(permit);
    },
  });
}

interface Stage {
  readonly name: string;
  readonly within: Duration;
  /** What shows that it was reached. */
  readonly seen: (arm: Arm | undefined) => Evidence | undefined;
  readonly missing: string;
  readonly hint: string;
}

const stages = {
  asks: {
    missing: "was sent to the network and has not asked what to boot",
    hint: "Look at its console: does the firmware boot from the network, and does DHCP lead it to the boot server?",
  },
  loads: {
    missing: "has its boot script and has not loaded kernel and initramfs",
    hint: "Look at its console, and at the network between it and the boot server",
  },
  takes: {
    missing: "has started its kernel and has not fetched its configuration",
    hint: "Look at its console. A configuration that an installed Talos left on its disk wins over the one served: then rebuild it",
  },
} as const;

/** The part of the evidence that is of the installing boot: behind the initramfs that wiped. */
function installing({ evidence, profile }: Arm): readonly Evidence[] {
  return profile.wipe === true ? evidence.slice(evidence.findIndex(({ stage }) => stage === "initramfs-sent") + 1) : evidence;
}

const asked = (arm: Arm | undefined) => arm?.evidence.find(({ stage }) => stage === "script-fetched");
const wipes = (arm: Arm | undefined) => (arm?.wiping ? undefined : arm?.evidence.find(({ stage }) => stage === "initramfs-sent"));
const toInstall = (arm: Arm | undefined) =>
  !arm || arm.wiping ? undefined : installing(arm).find(({ stage }) => stage === "script-fetched");
const taken = (arm: Arm | undefined) => arm && installing(arm).find(({ stage }) => stage === "config-sent");
const loaded = (arm: Arm | undefined) =>
  arm ? (taken(arm) ?? installing(arm).find(({ stage }) => stage === "initramfs-sent")) : undefined;

async function reach(machine: string, stage: Stage, step: Step, ports: Booting): Promise<void> {
  const { name, within, seen } = stage;
  const look = async () => {
    const now = await armOf(machine, step, ports);
    if (!now) return { disarmed: true };
    const found = seen(now);
    return found && { disarmed: false, detail: found.detail, at: new Date(found.at).toISOString() };
  };
  const reached = await step.until(name, look, { every: "2s", within });
  if (reached?.disarmed) {
    throw new TerminalError(`${machine} was disarmed by somebody else before ${name}`, { hint: "Ask for it again when that is settled" });
  }
  if (!reached) throw new TerminalError(`${machine} ${stage.missing} within ${within}. It is left disarmed`, { hint: stage.hint });
}
