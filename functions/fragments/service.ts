import type { NodeView } from "#adapters/cluster/port.ts";
import type { PowerStatus } from "#adapters/power/port.ts";
import { DeviceError, type Duration, type Step, TerminalError } from "#events";
import type { Ports } from "../define.ts";
import { bootPatience } from "./lost.ts";

type Serving = Pick<Ports, "inventory" | "cluster">;
type Switching = Serving & Pick<Ports, "power">;

/**
 * Keeps new work off a machine. An act, although nothing is switched: it is the first thing that is done to a machine, so the guards are
 * asked before it. A cordon that a person set stays theirs.
 */
export async function cordon(machine: string, step: Step, ports: Serving): Promise<void> {
  const { node } = ports.inventory.machine(machine);
  const undo = `kubectl uncordon ${node}`;
  const ours = [step.self.run, ...step.self.inherited].map((run) => `${ports.inventory.site}/${run}`);
  const look = async (signal: AbortSignal) => (await ports.cluster.node(machine, signal)) ?? "no Node";
  await step.act("cordon", {
    machine,
    verb: "cordon",
    async before(signal) {
      const found = await look(signal);
      if (found === "no Node") return { is: "done", seen: found };
      const mine = found.unschedulable && ours.includes(found.cordonedBy ?? "");
      return {
        is: mine ? "done" : "not-done",
        seen: found.unschedulable ? `cordoned by ${found.cordonedBy ?? "a person"}` : "schedulable",
      };
    },
    async observe(signal) {
      const found = await look(signal);
      return found === "no Node" || found.unschedulable ? { is: "done", seen: "unschedulable" } : { is: "not-done", seen: "schedulable" };
    },
    perform: (permit) => ports.cluster.cordon(machine, { ...step.self, gate: () => permit.gate() }, permit.signal),
    timeout: "15s",
    settle: "25s",
    patient: true,
    undo,
    leaves: { kind: "cordon", machine, undo },
    leftNothing: (whose) => whose === "theirs",
  });
}

/** Tries for more than an hour: in the middle of a recovery an API that is away is waited for, not failed for. */
export const untilItAnswers = 200;

/** Lets work back on, if the cordon is ours. */
export async function uncordon(machine: string, step: Step, ports: Serving): Promise<void> {
  await step.run("uncordon", (signal) => ports.cluster.uncordon(machine, step.self, signal), {
    clears: "cordon",
    attempts: untilItAnswers,
  });
}

/**
 * Cordons and drains a machine that serves, if its BMC can switch it at all. What cannot be moved is put before a person. Answers the power
 * it found.
 */
export async function takeOutOfService(machine: string, step: Step, ports: Switching, hard: boolean): Promise<PowerStatus["state"]> {
  const found = await step.run("see that its BMC answers", async (signal) => (await ports.power.of(machine).state(signal)).state, {
    reads: true,
  });
  const node = await step.run("find its Node", async (signal) => (await ports.cluster.node(machine, signal))?.name ?? null, {
    reads: true,
  });
  if (node === null) return found;
  await cordon(machine, step, ports);
  if (!hard) await drain(machine, step, ports);
  return found;
}

/** Cordons and drains a machine that goes on running. What cannot be moved is put before a person. */
export async function empty(machine: string, step: Step, ports: Serving): Promise<void> {
  await cordon(machine, step, ports);
  await drain(machine, step, ports);
}

async function drain(machine: string, step: Step, ports: Serving): Promise<void> {
  const report = await step.run("drain", (signal) => drained(machine, ports, signal), {
    timeout: "11m",
    attempts: 2,
    guarded: true,
    planned: { left: [], evicted: 0 },
  });
  if (report.left.length === 0) return;
  const ask = `${machine} still runs: ${report.left.join("; ")}. Go on and stop them?`;
  await step.approve("go on with these pods", { ask, plan: { machine, left: report.left }, within: "4h" });
}

async function drained(machine: string, ports: Serving, signal: AbortSignal): Promise<{ left: string[]; evicted: number }> {
  const report = await ports.cluster.drain(machine, { deadlineMs: 600_000 }, signal);
  const left = [
    ...report.left.map(({ pod, why }) => `${pod} (${why})`),
    ...report.irreplaceable.map((pod) => `${pod} (cannot be replaced elsewhere)`),
  ];
  return { left: [...new Set(left)], evicted: report.evicted.length };
}

/**
 * What boot it is on now: another one is the proof that it was really started anew. `unlessAway`: bringing back what is off must begin
 * with the cluster down too.
 */
export const noteBootId = (machine: string, step: Step, ports: Serving, options: { unlessAway?: boolean } = {}): Promise<string | null> =>
  step.run("note its boot id", (signal) => bootIdNow(machine, ports, options.unlessAway ?? false, signal), { reads: true });

async function bootIdNow(machine: string, ports: Serving, unlessAway: boolean, signal: AbortSignal): Promise<string | null> {
  try {
    return (await ports.cluster.node(machine, signal))?.bootID ?? null;
  } catch (error) {
    if (unlessAway && error instanceof DeviceError) return null;
    throw error;
  }
}

/** What a machine was before it is started anew; `null` where nobody could tell. */
export interface Before {
  readonly bootId: string | null;
  /** As its Node names it: `Talos (v1.13.9)`. */
  readonly system: string | null;
}

/** Notes the boot that a machine is in, and what it runs there. */
export async function noteBefore(machine: string, step: Step, ports: Serving, options: { unlessAway?: boolean } = {}): Promise<Before> {
  const bootId = await noteBootId(machine, step, ports, options);
  const system =
    bootId === null ? null : await step.run("note what it runs", (signal) => systemNow(machine, ports, signal), { reads: true });
  return { bootId, system };
}

const systemNow = async (machine: string, ports: Serving, signal: AbortSignal): Promise<string | null> =>
  (await ports.cluster.node(machine, signal))?.osImage ?? null;

/** While the cluster's API is away nobody can be seen to return, and that is no statement about any machine. */
export async function untilTheClusterAnswers(step: Step, ports: Pick<Ports, "cluster">): Promise<void> {
  const answers = async (signal: AbortSignal) => (await ports.cluster.nodes(signal)).length >= 0;
  if (await step.until("the cluster's API answers", answers, { every: "5s", within: "2h" })) return;
  throw new TerminalError("it was switched on, and the cluster's API has not answered since: whether it is back cannot be seen", {
    hint: "Bring the control planes back: `lightsout cold-start` begins with them",
  });
}

/**
 * Proof of return: a boot id that was not there before, the out-of-service taint gone (its device plugins may not tolerate it), Node Ready,
 * all expected GPUs allocatable, and the version that it ran before, where that was noted. An overdue return is never cycled again: it fails,
 * and a person looks.
 */
export async function proveReturned(
  machine: string,
  step: Step,
  ports: Serving,
  bootBefore: string | null,
  systemBefore: string | null = null,
): Promise<void> {
  const within = bootPatience(machine, ports);
  const isNew = bootBefore === null ? renewing() : (node: NodeView) => node.bootID !== bootBefore;
  const booted = await step.until("a new boot id", (signal) => newBoot(machine, ports, isNew, signal), { every: "2s", within });
  if (!booted) {
    throw new TerminalError(`${machine} was powered on and has not booted into the cluster in time. It is not cycled again`, {
      hint: `Look at its console; \`lightsout why ${machine}\` shows the evidence`,
    });
  }
  await step.run("untaint", (signal) => ports.cluster.untaintOutOfService(machine, signal), {
    clears: "out-of-service-taint",
    attempts: untilItAnswers,
  });
  if (!(await untilItServes(machine, step, ports, "2s"))) {
    const { gpus } = ports.inventory.machine(machine);
    throw new TerminalError(`${machine} booted, but is not Ready with ${gpus} GPUs in time. It stays cordoned and is not cycled again`, {
      hint: `kubectl describe node ${ports.inventory.machine(machine).node}`,
    });
  }
  if (systemBefore !== null) await demandSameSystem(machine, step, ports, systemBefore);
}

/** What was armed before, or gone back from, starts with any restart: a machine that serves with it is not what went away. */
async function demandSameSystem(machine: string, step: Step, ports: Serving, before: string): Promise<void> {
  const now = await step.run("what it runs now", (signal) => systemNow(machine, ports, signal), { reads: true, attempts: untilItAnswers });
  if (now === before) return;
  throw new TerminalError(
    `${machine} is back and runs ${now}, where it ran ${before}: an upgrade that was installed has started, or was gone back from. It stays cordoned`,
    { hint: `If it is right so: kubectl uncordon ${ports.inventory.machine(machine).node}, then lightsout release ${machine}` },
  );
}

async function newBoot(
  machine: string,
  ports: Serving,
  isNew: (node: NodeView) => boolean,
  signal: AbortSignal,
): Promise<{ bootID: string } | undefined> {
  const node = await ports.cluster.node(machine, signal);
  return node && node.ready !== "unknown" && node.bootID !== "" && isNew(node) ? { bootID: node.bootID } : undefined;
}

/** Where no boot id was noted: a lease that is renewed while we look. What a Node shows may be from before everything went off. */
function renewing(): (node: NodeView) => boolean {
  let first: string | undefined;
  return ({ leaseRenewed }) => {
    first ??= leaseRenewed;
    return leaseRenewed !== first;
  };
}

/** Waits until the Node is Ready with all GPUs of the machine; answers whether it is, within the patience that its boot has. */
export async function untilItServes(machine: string, step: Step, ports: Serving, every: Duration): Promise<boolean> {
  const serves = async (signal: AbortSignal) => {
    const node = await ports.cluster.node(machine, signal);
    return isServing(machine, node, ports) ? { ready: true, gpus: node?.gpus.allocatable ?? 0 } : undefined;
  };
  const within = bootPatience(machine, ports);
  return (await step.until("Node Ready and GPUs allocatable", serves, { every, within })) !== undefined;
}

/** Whether a Node is Ready, and has all the GPUs that the machine has. */
export const isServing = (machine: string, node: NodeView | undefined, { inventory }: Pick<Ports, "inventory">): boolean =>
  node?.ready === "true" && node.gpus.allocatable >= inventory.machine(machine).gpus;
