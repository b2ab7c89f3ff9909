import type { NodeView } from "#adapters/cluster/port.ts";
import type { Declared } from "#adapters/machineconfig/port.ts";
import { DeviceError, explain, LightsoutError, UnsupportedError } from "#events";
import type { Ports } from "../define.ts";
import type { Drift } from "../history.ts";

type Comparing = Pick<Ports, "inventory" | "cluster" | "talos" | "configs" | "power" | "netboot" | "history">;
type Aspect = Drift["of"];

/** What a machine runs otherwise than it is declared, what was told of it before, and what could not be read, with the reason. */
export type Compared = {
  readonly drift: readonly Drift[];
  readonly before: readonly Drift[];
  readonly unread: { readonly [aspect: string]: string };
};

/**
 * Compares what is declared of a machine with what runs on it. What cannot be read stays as it was told before: silence is no news.
 */
export async function compare(machine: string, ports: Comparing, signal: AbortSignal): Promise<Compared> {
  const before = await ports.history.drift(machine);
  const drift: Drift[] = [];
  const unread: Record<string, string> = {};
  const look = async ([of, read]: [string, () => Promise<Difference | undefined>]) => {
    try {
      const found = await read();
      if (found) drift.push({ of: of as Aspect, ...found });
    } catch (error) {
      // A BMC that does not tell where it boots from, or none at all.
      if (error instanceof UnsupportedError) return;
      if (!(error instanceof LightsoutError)) throw error;
      unread[of] = explain(error);
      drift.push(...before.filter((one) => one.of === of));
    }
  };
  await Promise.all(Object.entries(looks(machine, ports, signal)).map(look));
  return { drift: drift.toSorted((a, b) => (a.of < b.of ? -1 : 1)), before, unread };
}

interface Difference {
  readonly declared: string;
  readonly running: string;
}

/** How each thing is looked at; `undefined` where it is as declared, or where nothing is declared of it. */
function looks(machine: string, ports: Comparing, signal: AbortSignal): Record<Aspect, () => Promise<Difference | undefined>> {
  const declared = ports.configs.declared(machine);
  const talos = async () => ports.talos.of(machine);
  const node = async () => {
    const found = await ports.cluster.node(machine, signal);
    if (found) return found;
    throw new DeviceError("LO_CLUSTER_REFUSED", { target: machine, operation: "read node", effect: "none" }, "it has no Node");
  };
  return {
    version: async () => differing(declared.version, (await (await talos()).version(signal)).tag),
    schematic: async () => differing(declared.schematic, (await (await talos()).schematic(signal)) ?? "none"),
    extensions: async () =>
      missing(
        declared,
        (await (await talos()).extensions(signal)).map(({ name }) => name),
      ),
    configuration: async () => inConfiguration(await ports.configs.diff(machine, await (await talos()).configuration(signal))),
    labels: async () => inLabels(declared, await node()),
    taints: async () => inTaints(declared, await node()),
    "boot-order": () => inBootOrder(machine, ports, signal),
    kubernetes: async () => (declared.kubernetes === undefined ? undefined : differing(declared.kubernetes, (await node()).kubeletVersion)),
  };
}

const differing = (declared: string, running: string): Difference | undefined => (declared === running ? undefined : { declared, running });

/** Talos names an extension without the `siderolabs/` that the Image Factory has before it. More of them is a matter of the schematic. */
function missing({ extensions = [] }: Declared, running: readonly string[]): Difference | undefined {
  const names = extensions.map((name) => name.replace(/^.*\//, ""));
  if (names.every((name) => running.includes(name))) return undefined;
  return { declared: names.toSorted().join(", "), running: running.toSorted().join(", ") || "none" };
}

/** How many differences are told in words. */
const most = 20;

function inConfiguration(lines: readonly string[]): Difference | undefined {
  if (lines.length === 0) return undefined;
  const more = lines.length > most ? `; and ${lines.length - most} more` : "";
  return { declared: "as it is composed", running: `${lines.slice(0, most).join("; ")}${more}` };
}

/** Declared labels that the Node does not carry so. */
export function inLabels({ labels }: Pick<Declared, "labels">, node: NodeView): Difference | undefined {
  const wrong = Object.entries(labels).filter(([key, value]) => node.labels[key] !== value);
  return listed(wrong.map(([key, value]) => [`${key}=${value}`, `${key}=${node.labels[key] ?? ""}`]));
}

/** Declared taints that the Node does not carry so: it says `key=value:Effect`, or `key:Effect` without a value. */
export function inTaints({ taints }: Pick<Declared, "taints">, node: NodeView): Difference | undefined {
  const wrong = Object.entries(taints)
    .map(([key, taint]) => [key, taint.startsWith(":") ? `${key}${taint}` : `${key}=${taint}`] as const)
    .filter(([, taint]) => !node.taints.includes(taint));
  return listed(
    wrong.map(([key, taint]) => [
      taint,
      node.taints.filter((one) => one.startsWith(`${key}=`) || one.startsWith(`${key}:`)).join(", ") || "none",
    ]),
  );
}

function listed(pairs: readonly (readonly [declared: string, running: string])[]): Difference | undefined {
  if (pairs.length === 0) return undefined;
  return { declared: pairs.map(([declared]) => declared).join(", "), running: pairs.map(([, running]) => running).join(", ") };
}

/** As far as the BMC tells: an override that stands leads the next start elsewhere. One that belongs to an open arm is meant so. */
async function inBootOrder(machine: string, ports: Comparing, signal: AbortSignal): Promise<Difference | undefined> {
  const { once, raw, target } = await ports.power.of(machine).bootOverride(signal);
  if (target === "none" || target === "disk") return undefined;
  const arm = await ports.netboot.arms.of(machine);
  if (arm?.state === "armed" || arm?.state === "taken") return undefined;
  return { declared: "its disk", running: `${target}${once ? " at the next start" : ", always"} (${raw})` };
}
