import { DeviceError, explain, type Json, milliseconds, nodeReady, type Step, TerminalError, UnsupportedError } from "#events";
import type { Ports } from "../define.ts";

type Lookers = Pick<Ports, "inventory" | "power" | "cluster" | "os">;

/**
 * What was found: `lost` only when nothing answers, `returned` when the Node is Ready, `alive` with what still answers, `silent` when
 * nothing answers, the BMC neither: then it cannot be fenced.
 */
type Finding = { readonly is: "lost" | "returned" | "alive" | "silent"; readonly why: string };

/**
 * Whether a machine is really lost. NotReady is not dead: the Node must be Unknown, and kubelet, Talos API and the BMC's own signs of
 * life must be silent. Any real answer, a firmware update or a boot under way means not lost. Throws when it cannot be known.
 */
export async function confirmLost(machine: string, ports: Lookers, signal?: AbortSignal): Promise<Finding> {
  const node = await ports.cluster.node(machine, signal);
  if (node?.ready === "true") return { is: "returned", why: `Node ${node.name} is Ready` };
  if (node?.ready === "false")
    return { is: "alive", why: `Node ${node.name} reports itself not ready (${node.readyReason ?? "no reason"}): sick, not lost` };
  if (node?.ready !== "unknown")
    return {
      is: "alive",
      why: node ? "its Node has not said yet whether it is ready" : "it has no Node: only what was seen to go is lost",
    };
  const signs = await ports.os.signsOfLife(machine, signal);
  if (signs.length === 0) throw nobodyToAsk(machine);
  const living = signs.find((sign) => sign.answered);
  if (living) return { is: "alive", why: `${living.service} answers: ${living.seen}` };
  const activity = await ofBmc(() => ports.power.of(machine).activity(signal));
  if (typeof activity === "string") return { is: "silent", why: activity };
  if (activity.firmwareUpdate) return { is: "alive", why: `a firmware update is running: ${activity.raw}` };
  if (activity.booting) return { is: "alive", why: `it is booting: ${activity.raw}` };
  return { is: "lost", why: `Node Unknown; kubelet, Talos and firmware silent (${activity.raw})` };
}

/**
 * Waits until it is sure that nothing on the machine answers, or that it has come back. What still answers after half an hour, or cannot be
 * asked, is a person's to look at: nothing was powered.
 */
export async function makeSure(machine: string, step: Step, ports: Lookers): Promise<"lost" | "returned"> {
  const sure = await step.until(
    "nothing on it answers",
    async (signal) => {
      const finding = await confirmLost(machine, ports, signal);
      return finding.is === "lost" || finding.is === "returned" ? finding : undefined;
    },
    { every: "15s", within: "30m", wakeOn: nodeReady },
  );
  const found = sure ?? (await step.run("what stands in the way", (signal) => confirmLost(machine, ports, signal), { reads: true }));
  if (found.is === "alive") throw new TerminalError(`${machine} is lost to the cluster, but ${found.why}. Nothing was powered`);
  return found.is === "returned" ? "returned" : "lost";
}

/** Silence counts only from somebody who was asked. */
export const nobodyToAsk = (machine: string): DeviceError =>
  new DeviceError(
    "LO_TALOS_UNREACHABLE",
    { target: machine, operation: "ask whether it lives", effect: "none" },
    "no address of its operating system is known: nobody could be asked",
    { hint: "Give its address in lightsout.yaml" },
  );

/** What the BMC answers, or why it does not. */
async function ofBmc<Answer>(ask: () => Promise<Answer>): Promise<Answer | string> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof DeviceError || error instanceof UnsupportedError) return explain(error);
    throw error;
  }
}

/** How long one part of the evidence may take. */
const evidenceMs = 8000;

/** What to keep before the power is cut and the traces are gone. A part that cannot be read says so. */
export async function collectEvidence(machine: string, ports: Lookers, signal?: AbortSignal): Promise<Json> {
  // A dead BMC must not use up the step: what is not there soon is not there.
  const soon = AbortSignal.any([...(signal ? [signal] : []), AbortSignal.timeout(evidenceMs)]);
  const power = () => ports.power.of(machine);
  const tell = async (read: () => Promise<Json>): Promise<Json> => {
    try {
      return await read();
    } catch (error) {
      return `not read: ${explain(error)}`;
    }
  };
  const parts: Record<string, () => Promise<Json>> = {
    state: async () => (await power().state(soon)).raw,
    firmware: async () => (await power().activity(soon)).raw,
    watts: async () => power().powerReading(soon),
    log: async () => (await power().eventLog({ limit: 8 }, soon)).map((entry) => `${entry.at ?? "?"} ${entry.message}`),
    pods: async () =>
      (await ports.cluster.pods(machine, soon)).filter((pod) => !pod.daemonSet).map((pod) => `${pod.namespace}/${pod.name}`),
    bootID: async () => (await ports.cluster.node(machine, soon))?.bootID ?? null,
  };
  const told = await Promise.all(Object.entries(parts).map(async ([name, read]) => [name, await tell(read)] as const));
  return Object.fromEntries(told);
}

/** How much older than the loss a power loss in the log may be: a watcher's grace, a slow clock. */
const evidenceAgeMs = 15 * 60_000;

/**
 * Off without our doing, on a machine whose owner allows to bring it back after a power loss that the BMC's log shows: the newest entry
 * about power, and from the time of the loss. No date is no evidence, nor is a log that cannot be read.
 */
async function offByPowerLoss(machine: string, lostAt: string | undefined, ports: Lookers, signal?: AbortSignal): Promise<boolean> {
  if (ports.inventory.machine(machine).foundOff !== "power-on") return false;
  const log = await ofBmc(() => ports.power.of(machine).eventLog({ limit: 16 }, signal));
  const last = typeof log === "string" ? undefined : log.findLast((entry) => entry.power !== undefined);
  if (!last?.at || !lostAt || !(Date.parse(last.at) >= Date.parse(lostAt) - evidenceAgeMs)) return false;
  return last.power === "ac-lost" || last.power === "ac-restored";
}

/** Found off, and not by this run: unless it was a power loss that its owner lets us mend, a person decides. */
export async function askIfFoundOff(
  machine: string,
  lostAt: string | undefined,
  evidence: Json,
  step: Step,
  ports: Lookers,
): Promise<void> {
  if (await step.run("was it a power loss", (signal) => offByPowerLoss(machine, lostAt, ports, signal), { reads: true })) return;
  const ask = `${machine} was found off and this run did not do it: somebody may have their hands in it. Bring it back?`;
  await step.approve("bring it back", { ask, plan: { machine, evidence }, within: "24h" });
}

/** How long a boot may take before it is asked about: `max(5 m, 1.5 × its boot time)`. */
export const bootPatience = (machine: string, ports: Pick<Ports, "inventory">): `${number}s` =>
  `${Math.ceil(Math.max(300_000, 1.5 * milliseconds(ports.inventory.machine(machine).bootTime)) / 1000)}s`;
