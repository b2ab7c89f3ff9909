import { DeviceError, explain, RefusedError, type Step, TerminalError, upgradeRolledBack } from "#events";
import type { Ports } from "../define.ts";
import { upgradeObstacle } from "../guards/upgrade-path.ts";
import { untilItServes } from "./service.ts";
import { type Running, runningNow } from "./talos.ts";

type Upgrading = Pick<Ports, "inventory" | "cluster" | "talos" | "configs" | "history" | "policy" | "power" | "storage">;

/** What a machine is to run. */
export interface Target {
  readonly version: string;
  readonly schematic: string;
  readonly image: string;
}

/** The version asked for, or the declared one, always with the machine's own schematic: another's image would take its extensions. */
export function targetOf(machine: string, version: string | undefined, { configs }: Pick<Ports, "configs">): Target {
  const declared = configs.declared(machine);
  const to = version ?? declared.version;
  return { version: to, schematic: declared.schematic, image: declared.installerOf(to) };
}

export const isThere = (now: Running, { version, schematic }: Target): boolean =>
  now.version === version && now.schematic === schematic && !now.pending;

interface Wish {
  readonly target: Target;
  /** A person wants it although it did not come up with that version before. */
  readonly again: boolean;
}

const notUpgraded = (machine: string, { version }: Target, why: string, hint: string): RefusedError =>
  new RefusedError(`${machine} is not upgraded to ${version}: ${why}`, { hint });

/** Refuses what must not be begun: what the machine itself speaks against, and storage that cannot do without it. */
export async function demandUpgradable(machine: string, now: Running, wish: Wish, ports: Upgrading, signal: AbortSignal): Promise<string> {
  await demandFit(machine, now, wish, ports, signal);
  const { healthy, why } = await ports.storage.health(signal);
  if (!healthy) throw notUpgraded(machine, wish.target, `storage is not healthy: ${why}`, "Ask again when it is");
  return `${now.version} to ${wish.target.version}; ${why}`;
}

/** Refuses a path that Talos does not go, a version that did not come up before, a machine that is not well. */
export async function demandFit(
  machine: string,
  now: Running,
  { again, target }: Wish,
  ports: Pick<Ports, "inventory" | "cluster" | "configs" | "history">,
  signal: AbortSignal,
): Promise<void> {
  const refuse = (why: string, hint: string): never => {
    throw notUpgraded(machine, target, why, hint);
  };
  const { gpus } = ports.inventory.machine(machine);
  const node = await ports.cluster.node(machine, signal);
  const { extensions } = ports.configs.declared(machine);
  const obstacle = upgradeObstacle({ from: now.version, to: target.version, kubernetes: node?.kubeletVersion, gpus, extensions });
  if (obstacle !== undefined) refuse(obstacle, "Talos goes through every minor version, by its latest patch");
  const before = (await ports.history.rolledBack(machine)).findLast(({ version }) => version === target.version);
  if (before && !again) {
    const at = new Date(before.at).toISOString();
    refuse(`it did not come up with it on ${at} and went back`, `Find out why; then: lightsout upgrade ${machine} --confirm ${machine}`);
  }
  if (now.stage !== "running" || !now.ready)
    refuse(`its Talos is ${now.stage}${now.ready ? "" : ", not ready"}`, `talosctl -n ${machine} health`);
  if (node?.ready !== "true") refuse("its Node is not Ready", `kubectl describe node ${node?.name ?? machine}`);
}

/** How an upgrade came out (the newest Talos that answers, in another boot than before). */
export type Outcome = {
  readonly is: "upgraded" | "rolled-back" | "wrong-image" | "never-restarted" | "lost";
  readonly seen: string;
  readonly bootId: string | null;
};

/** Waits until the machine runs in a new boot, and tells what it runs there. */
export async function waitForOutcome(machine: string, before: Running, target: Target, step: Step, ports: Upgrading): Promise<Outcome> {
  const came = await step.until("it runs in a new boot", (signal) => settledIn(machine, before, ports, signal), {
    every: "5s",
    within: ports.policy.upgrade.within,
  });
  if (!came) return await step.run("why it does not", (signal) => whyNot(machine, before, ports, signal), { reads: true });
  const { version, schematic, bootId } = came;
  const seen = `${version}, schematic ${schematic?.slice(0, 12) ?? "none"}`;
  if (version === target.version) return { is: schematic === target.schematic ? "upgraded" : "wrong-image", seen, bootId };
  return { is: version === before.version ? "rolled-back" : "wrong-image", seen, bootId };
}

async function settledIn(machine: string, before: Running, ports: Upgrading, signal: AbortSignal): Promise<Running | undefined> {
  const now = await runningNow(machine, ports, signal);
  return now.bootId !== before.bootId && now.stage === "running" && now.ready && !now.pending ? now : undefined;
}

async function whyNot(machine: string, before: Running, ports: Upgrading, signal: AbortSignal): Promise<Outcome> {
  try {
    const { bootId, stage, version } = await runningNow(machine, ports, signal);
    const seen = `${version}, ${stage}`;
    return {
      is: bootId === before.bootId ? "never-restarted" : "lost",
      seen: bootId === before.bootId ? seen : `${seen}, not ready`,
      bootId,
    };
  } catch (error) {
    const power = await ports.power
      .of(machine)
      .state(signal)
      .then(({ raw }) => `power ${raw}`, explain);
    if (!(error instanceof DeviceError)) throw error;
    return { is: "lost", seen: `${error.message}; ${power}`, bootId: null };
  }
}

/** Ends the run with the outcome, unless it is the one that was wanted. What went back is told to all, and serves again as it did. */
export async function demandUpgraded(machine: string, outcome: Outcome, target: Target, step: Step): Promise<void> {
  const { is, seen, bootId } = outcome;
  if (is === "upgraded") return;
  if (is === "rolled-back") {
    await step.emit("tell that it went back", upgradeRolledBack, { machine, running: seen, wanted: target.version, bootId: bootId ?? "" });
    throw new TerminalError(
      `${machine} rolled back: ${target.version} did not come up, it runs ${seen} again. It is not tried again by itself`,
      {
        hint: `talosctl -n ${machine} dmesg, and the release notes of ${target.version}`,
      },
    );
  }
  const hints = {
    "wrong-image": `Compare the schematic in lightsout.yaml with the installer that was pulled: ${target.image}`,
    "never-restarted": `${target.version} is installed and starts with the next restart: talosctl -n ${machine} reboot, or rollback`,
    lost: `Look at its console. It is not cycled by itself; to install it anew: lightsout rebuild ${machine}`,
  } as const;
  throw new TerminalError(`${machine} is not upgraded (${is}): ${seen}. It stays cordoned`, { hint: hints[is] });
}

/** The Node is Ready again, with its GPUs. */
export async function demandServing(machine: string, step: Step, ports: Upgrading): Promise<void> {
  if (await untilItServes(machine, step, ports, "5s")) return;
  const { gpus, node } = ports.inventory.machine(machine);
  throw new TerminalError(`${machine} is up, but its Node is not Ready with ${gpus} GPUs in time. It stays cordoned`, {
    hint: `kubectl describe node ${node}`,
  });
}
