import { type Duration, explain, RefusedError, type Step, TerminalError, upgradeRequested } from "#events";
import type { Ports } from "../define.ts";
import { controlPlanesOf } from "./etcd.ts";
import { etcdNow } from "./etcd-health.ts";
import { handOut } from "./hand-out.ts";
import { isServing } from "./service.ts";
import { runningNow } from "./talos.ts";
import { demandFit, isThere, targetOf } from "./upgraded.ts";
import { type Placed, wavesOf } from "./waves.ts";

type Rolling = Pick<Ports, "inventory" | "cluster" | "talos" | "configs" | "storage" | "standing" | "errands" | "history" | "policy">;

/** What a rollout is about to do, as it is shown to a person. */
export type RolloutPlan = {
  readonly order: readonly (Pick<Placed, "machine" | "role" | "profile" | "canary" | "soaks"> & {
    readonly from: string;
    readonly to: string;
  })[];
  /** Those that run it already. */
  readonly there: readonly string[];
  /** Those that are not touched, and why. */
  readonly left: { readonly [machine: string]: string };
};

type Planned = RolloutPlan["order"][number];

/** How long one machine may take, with people who are asked meanwhile. */
const perMachine: Duration = "26h";

/**
 * Looks who is to be upgraded, in which order. Whoever could not be upgraded now keeps the whole from beginning: it is named, and a person
 * mends it or holds it back.
 */
export async function planRollout(
  { pool, version }: { readonly pool?: string | undefined; readonly version?: string | undefined },
  ports: Rolling,
  signal: AbortSignal,
): Promise<RolloutPlan> {
  const machines = ports.inventory.machines().filter((machine) => pool === undefined || machine.pool === pool);
  const found = await Promise.all(
    machines.map(async ({ name, role }) => ({ machine: name, role, ...(await standOf(name, version, ports, signal)) })),
  );
  const unfit = found.flatMap(({ is, why }) => (is === "unfit" ? [why] : []));
  if (unfit.length > 0) {
    throw new RefusedError(`nothing is begun: ${unfit.join("; ")}`, { hint: "Mend it, or put it aside: `lightsout hold`" });
  }
  const due = found.filter(({ is }) => is === "due");
  const order = wavesOf(due.map(({ machine, role }) => ({ machine, role, profile: ports.configs.declared(machine).profile })));
  const versions = new Map(due.map(({ from, machine, to }) => [machine, { from, to }]));
  return {
    order: order.map((one) => ({ ...one, ...(versions.get(one.machine) ?? { from: "", to: "" }) })),
    there: found.flatMap(({ is, machine }) => (is === "there" ? [machine] : [])),
    left: Object.fromEntries(found.flatMap(({ is, machine, why }) => (is === "left" ? [[machine, why]] : []))),
  };
}

interface Stand {
  readonly is: "due" | "there" | "left" | "unfit";
  readonly why: string;
  readonly from: string;
  readonly to: string;
}

async function standOf(machine: string, version: string | undefined, ports: Rolling, signal: AbortSignal): Promise<Stand> {
  const stand = (is: Stand["is"], why = "", from = "", to = ""): Stand => ({ is, why, from, to });
  if (!ports.configs.has(machine)) return stand("left", "nothing is declared of its Talos");
  const against = (await ports.standing.against(machine)) ?? namedOnly(machine, ports);
  if (against !== undefined) return stand("left", against);
  const target = targetOf(machine, version, ports);
  try {
    const now = await runningNow(machine, ports, signal);
    if (isThere(now, target)) return stand("there");
    await demandFit(machine, now, { target, again: false }, ports, signal);
    return stand("due", "", now.version, target.version);
  } catch (error) {
    return stand("unfit", explain(error));
  }
}

/** Why only a person who names the machine again may have it upgraded. */
function namedOnly(machine: string, { inventory }: Rolling): string | undefined {
  const { carriesLightsout, role } = inventory.machine(machine);
  const command = `lightsout upgrade ${machine} --confirm ${machine}`;
  if (carriesLightsout) return `it carries Lightsout: ${command}`;
  const alone = role === "control-plane" && controlPlanesOf({ inventory }).length === 1;
  return alone ? `it is the only control plane: ${command}` : undefined;
}

/** Upgrades the machines one after another, and stops at the first that fails, saying what was done and what was not. */
export async function rollOut({ order }: RolloutPlan, step: Step, ports: Rolling): Promise<void> {
  const done: Planned[] = [];
  for (const [index, next] of order.entries()) {
    const stop = (why: string): never => {
      const rest = order.slice(index + 1).map(({ machine }) => machine);
      throw new TerminalError(`${why}. Upgraded: ${list(done.map(({ machine }) => machine))}. Not begun: ${list(rest)}`, {
        hint: "See to it, then begin the rollout again: it goes on from there",
      });
    };
    const { canary, machine, soaks, to } = next;
    const against = await step.run(`what speaks against ${machine}`, async () => (await ports.standing.against(machine)) ?? null, {
      reads: true,
    });
    if (against !== null) continue;
    const obstacle = await waitUntilFit(next, done, step, ports);
    if (obstacle !== undefined) stop(`${machine} is not begun: ${obstacle}`);
    const errand = { name: `upgrade ${machine}`, event: upgradeRequested, within: perMachine };
    const { reason, run, status } = await handOut(
      { ...errand, data: { machine, version: to, cold: canary, reason: "rollout" } },
      step,
      ports,
    );
    if (status !== "ok") stop(`${machine}: ${status}: ${reason} (lightsout show ${run})`);
    done.push(next);
    if (soaks && !(await soaked(next, step, ports))) stop(`${machine} did not stay healthy with ${to}, which it was to prove`);
  }
}

const list = (names: readonly string[]): string => (names.length === 0 ? "none" : names.join(", "));

/** Storage, etcd and those that went before are well before one more is taken away. Answers what is not, when its time is over. */
async function waitUntilFit(next: Planned, done: readonly Planned[], step: Step, ports: Rolling): Promise<string | undefined> {
  const fit = async (signal: AbortSignal) => ((await unfitness(next, done, ports, signal)) === undefined ? true : undefined);
  const well = await step.until(`all is well before ${next.machine}`, fit, { every: "15s", within: "1h", planned: true });
  if (well) return undefined;
  const why = (signal: AbortSignal) => unfitness(next, done, ports, signal).catch(explain);
  return (
    (await step.run(`what stands before ${next.machine}`, async (signal) => (await why(signal)) ?? null, { reads: true })) ?? undefined
  );
}

async function unfitness(next: Planned, done: readonly Planned[], ports: Rolling, signal: AbortSignal): Promise<string | undefined> {
  const { healthy, why } = await ports.storage.health(signal);
  if (!healthy) return `storage is not healthy: ${why}`;
  if (next.role === "control-plane") {
    const etcd = await etcdNow(ports, signal);
    if (etcd.is !== "whole") return etcd.why;
  }
  const nodes = await ports.cluster.nodes(signal);
  const sick = done.filter(({ machine }) => nodes.find((node) => node.machine === machine)?.ready !== "true");
  return sick.length === 0 ? undefined : `${list(sick.map(({ machine }) => machine))}, upgraded before, no longer Ready`;
}

/** Whether a canary is healthy still, in the same boot, when its time is over. */
async function soaked({ machine, to }: Planned, step: Step, ports: Rolling): Promise<boolean> {
  const healthy = async (signal: AbortSignal, boot?: string) => {
    const [now, node] = await Promise.all([runningNow(machine, ports, signal), ports.cluster.node(machine, signal)]);
    const runs = now.version === to && now.stage === "running" && now.ready && !now.pending && (boot ?? now.bootId) === now.bootId;
    return runs && isServing(machine, node, ports) ? { boot: now.bootId } : undefined;
  };
  const planned = { boot: "plan" };
  const look = { every: "5s", within: "2m", planned } as const;
  const before = await step.until(`${machine} is healthy`, (signal) => healthy(signal), look);
  if (!before) return false;
  await step.sleep(`see whether ${machine} stays healthy`, ports.policy.upgrade.soak);
  return (await step.until(`${machine} is healthy still`, (signal) => healthy(signal, before.boot), look)) !== undefined;
}
