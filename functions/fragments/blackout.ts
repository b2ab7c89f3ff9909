import { DeviceError, type Duration, explain, milliseconds, powerOnRequested, type Step, TerminalError, UnsupportedError } from "#events";
import type { Ports } from "../define.ts";
import { etcdNow } from "./etcd-health.ts";
import { ends } from "./hand-out.ts";
import { bootPatience } from "./lost.ts";
import { type Stage, stagesOf } from "./stages.ts";

type Coming = Pick<Ports, "inventory" | "power" | "os" | "talos" | "standing" | "errands" | "policy">;

/** What is to be done after a blackout, as it is shown to a person. */
export type ColdPlan = {
  /** Machines that are off, or whose BMC does not tell yet. */
  readonly stages: readonly { readonly name: string; readonly machines: readonly string[]; readonly etcd: boolean }[];
  readonly on: readonly string[];
  /** Those that are not touched, and why. */
  readonly left: { readonly [machine: string]: string };
};

/** Looks who is off and may be switched on, in the order in which they come back. */
export async function planColdStart(ports: Coming, signal: AbortSignal): Promise<ColdPlan> {
  const machines = ports.inventory.machines();
  const found = new Map(await Promise.all(machines.map(async ({ name }) => [name, await stateOf(name, ports, signal)] as const)));
  const off = (name: string) => found.get(name)?.is === "off";
  const stages = stagesOf(machines, ports.policy.coldStart.pools).map((stage) => ({ ...stage, machines: stage.machines.filter(off) }));
  return {
    stages,
    on: [...found].flatMap(([name, { is }]) => (is === "on" ? [name] : [])),
    left: Object.fromEntries([...found].flatMap(([name, { is, why }]) => (is === "left" ? [[name, why]] : []))),
  };
}

type Found = { readonly is: "off" | "on" | "left"; readonly why: string };

async function stateOf(machine: string, ports: Coming, signal: AbortSignal): Promise<Found> {
  const against = await ports.standing.against(machine);
  if (against !== undefined) return { is: "left", why: against };
  try {
    const { raw, state } = await ports.power.of(machine).state(signal);
    return { is: state === "on" ? "on" : "off", why: `power ${raw}` };
  } catch (error) {
    if (error instanceof UnsupportedError) return { is: "left", why: `${explain(error)}: it is switched on by hand` };
    // BMCs start up too after a blackout.
    if (error instanceof DeviceError) return { is: "off", why: explain(error) };
    throw error;
  }
}

const errandOf = (machine: string) => `switch ${machine} on`;

/** Hands out the machines of a stage one after another; answers those that nobody spoke against meanwhile. */
export async function switchOn(machines: readonly string[], step: Step, ports: Coming): Promise<string[]> {
  const handed: string[] = [];
  for (const machine of machines) {
    const against = await step.run(`what speaks against ${machine}`, async () => (await ports.standing.against(machine)) ?? null, {
      reads: true,
    });
    if (against !== null) continue;
    await step.emit(errandOf(machine), powerOnRequested, { machine, reason: "cold start" });
    await step.sleep(`let ${machine} draw its inrush current`, ports.policy.coldStart.stagger);
    handed.push(machine);
  }
  return handed;
}

/**
 * Waits until the machines of a stage answer. A worker's Talos answers only when a control plane does, so that before them a machine that reads
 * on counts when its boot time is over. Nobody holds the others up for longer.
 */
export async function comeUp(stage: Stage, machines: readonly string[], step: Step, ports: Coming): Promise<void> {
  if (machines.length === 0) return;
  const within = longest(
    machines.map((machine) => (stage.etcd ? bootPatience(machine, ports) : ports.inventory.machine(machine).bootTime)),
  );
  const look = async (signal: AbortSignal) =>
    Object.fromEntries(await Promise.all(machines.map(async (machine) => [machine, await lifeOf(machine, step, ports, signal)] as const)));
  const all = async (signal: AbortSignal) => {
    const seen = await look(signal);
    return Object.values(seen).every(({ settled }) => settled) ? seen : undefined;
  };
  if (await step.until(`${stage.name}: up`, all, { every: "15s", within, planned: {} })) return;
  await step.run(`${stage.name}: who is up`, look, { reads: true, attempts: 1 });
}

type Life = { readonly settled: boolean; readonly seen: string };

async function lifeOf(machine: string, step: Step, ports: Coming, signal: AbortSignal): Promise<Life> {
  const ended = await ports.errands.ended(step.self.run, errandOf(machine), powerOnRequested);
  if (ended && ended.status !== "ok") return { settled: true, seen: `${ended.status}: ${ended.reason}` };
  const living = (await ports.os.signsOfLife(machine, signal)).find(({ answered }) => answered);
  if (living) return { settled: true, seen: `${living.service} answers` };
  const power = ports.power.of(machine).state(signal);
  return { settled: false, seen: await power.then(({ raw }) => `power ${raw}, nothing answers`, explain) };
}

/** Nothing else is switched on before etcd serves: all its voters, or after their time a majority. Without one a person is asked. */
export async function etcdServes(step: Step, ports: Coming): Promise<void> {
  const within = longest(
    ports.inventory.machines().flatMap(({ name, role }) => (role === "control-plane" ? bootPatience(name, ports) : [])),
  );
  const health = async (signal: AbortSignal) => ({ ...(await etcdNow(ports, signal)) });
  const serves = (name: string, enough: readonly string[]) => {
    const probe = async (signal: AbortSignal) => {
      const now = await health(signal);
      return enough.includes(now.is) ? now : undefined;
    };
    return step.until(name, probe, { every: "15s", within, planned: { is: "whole", why: "planned" } });
  };
  if (await serves("all etcd voters serve", ["whole"])) return;
  const { is, why } = await step.run("how etcd is", health, { reads: true });
  if (is !== "none") return;
  const ask = `etcd has no majority: ${why}. Nothing more is switched on. When somebody has seen to the control planes: look again?`;
  await step.approve("look at etcd again", { ask, plan: { why }, within: "24h" });
  if (await serves("a majority of etcd serves", ["whole", "majority"])) return;
  throw new TerminalError(`etcd has no majority still: ${why}`, {
    hint: "Mend the control planes, then begin the cold start again: it goes on from there",
  });
}

/** Waits for everybody who was switched on. Who has not come back, is named. */
export async function allBack(machines: readonly string[], step: Step, ports: Coming): Promise<void> {
  const errands = machines.map((machine) => ({ name: errandOf(machine), event: powerOnRequested }));
  const told = await ends("everybody is back", errands, "2h", step, ports);
  const missing = machines.flatMap((machine) => {
    const { reason, status } = told[errandOf(machine)] ?? { reason: "its run has not ended", status: "not yet" };
    return status === "ok" ? [] : [`${machine} (${status}: ${reason})`];
  });
  if (missing.length === 0) return;
  throw new TerminalError(`${missing.length} of ${machines.length} machines did not come back: ${missing.join("; ")}`, {
    hint: "`lightsout why` tells of each what stands in the way",
  });
}

const longest = (durations: readonly Duration[]): Duration => `${Math.max(60_000, ...durations.map(milliseconds)) / 1000}s`;
