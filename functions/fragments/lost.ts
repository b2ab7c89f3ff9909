import type { PowerStatus } from "#adapters/power/port.ts";
import { DeviceError, explain, type Json, milliseconds, UnsupportedError } from "#events";
import type { Ports } from "../define.ts";

type Lookers = Pick<Ports, "inventory" | "power" | "cluster" | "os">;

/**
 * What was found: `lost` only when nothing answers, `returned` when the Node is Ready, `alive` with what still answers, `silent` when
 * nothing answers, the BMC neither: then it cannot be fenced.
 */
export type Finding = { readonly is: "lost" | "returned" | "alive" | "silent"; readonly why: string };

/**
 * Whether a machine is really lost. NotReady is not dead: the Node must be Unknown, and kubelet, Talos API and the BMC's own signs of
 * life must be silent. Any real answer, a firmware update or a boot under way means not lost. Throws when it cannot be known.
 */
export async function confirmLost(machine: string, ports: Lookers, signal?: AbortSignal): Promise<Finding> {
  const node = await ports.cluster.node(machine, signal);
  if (node?.ready === "true") return { is: "returned", why: `Node ${node.name} is Ready` };
  if (node?.ready === "false")
    return { is: "alive", why: `Node ${node.name} reports itself not ready (${node.readyReason ?? "no reason"}): sick, not lost` };
  const living = (await ports.os.signsOfLife(machine, signal)).find((sign) => sign.answered);
  if (living) return { is: "alive", why: `${living.service} answers: ${living.seen}` };
  const activity = await ofBmc(() => ports.power.of(machine).activity(signal));
  if (typeof activity === "string") return { is: "silent", why: activity };
  if (activity.firmwareUpdate) return { is: "alive", why: `a firmware update is running: ${activity.raw}` };
  if (activity.booting) return { is: "alive", why: `it is booting: ${activity.raw}` };
  return { is: "lost", why: `Node Unknown; kubelet, Talos and firmware silent (${activity.raw})` };
}

/** What the BMC answers, or why it does not. */
async function ofBmc<Answer>(ask: () => Promise<Answer>): Promise<Answer | string> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof DeviceError || error instanceof UnsupportedError) return explain(error);
    throw error;
  }
}

/** The power as the BMC reads it now; a BMC that does not answer is `unknown`, never off. */
export async function powerFound(machine: string, ports: Lookers, signal?: AbortSignal): Promise<PowerStatus["state"]> {
  const found = await ofBmc(() => ports.power.of(machine).state(signal));
  return typeof found === "string" ? "unknown" : found.state;
}

/** What to keep before the power is cut and the traces are gone. A part that cannot be read says so. */
export async function collectEvidence(machine: string, ports: Lookers, signal?: AbortSignal): Promise<Json> {
  const power = () => ports.power.of(machine);
  const tell = async (read: () => Promise<Json>): Promise<Json> => {
    try {
      return await read();
    } catch (error) {
      return `not read: ${explain(error)}`;
    }
  };
  return {
    state: await tell(async () => (await power().state(signal)).raw),
    firmware: await tell(async () => (await power().activity(signal)).raw),
    watts: await tell(async () => power().powerReading(signal)),
    log: await tell(async () => (await power().eventLog({ limit: 8 }, signal)).map((entry) => `${entry.at ?? "?"} ${entry.message}`)),
    pods: await tell(async () =>
      (await ports.cluster.pods(machine, signal)).filter((pod) => !pod.daemonSet).map((pod) => `${pod.namespace}/${pod.name}`),
    ),
    bootID: await tell(async () => (await ports.cluster.node(machine, signal))?.bootID ?? null),
  };
}

/** Off without our doing, after a power loss that the BMC's log shows, on a machine whose owner allows to bring it back. */
export async function offByPowerLoss(machine: string, ports: Lookers, signal?: AbortSignal): Promise<boolean> {
  if (ports.inventory.machine(machine).foundOff !== "power-on") return false;
  const log = await ports.power.of(machine).eventLog({ limit: 16 }, signal);
  const last = log.findLast((entry) => entry.power !== undefined);
  return last?.power === "ac-lost" || last?.power === "ac-restored";
}

/** How long a boot may take before it is asked about: `max(5 m, 1.5 × its boot time)`. */
export const bootPatience = (machine: string, ports: Pick<Ports, "inventory">): `${number}s` =>
  `${Math.ceil(Math.max(300_000, 1.5 * milliseconds(ports.inventory.machine(machine).bootTime)) / 1000)}s`;
