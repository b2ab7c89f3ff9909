import type { DrillRow, MachineRow, Objection } from "#adapters/http/port.ts";
import { humanDuration } from "#events";
import { harmless, paint, table, wrapped } from "./text.ts";

/** How a rack is shown. */
interface Showing {
  /** With everything that is known of each machine in a line. */
  readonly wide?: boolean;
  /** How wide the terminal is; default without an end. */
  readonly columns?: number;
}

/** The rack as a person approves it: a line for each machine, then what stands against acting on them. */
export function rackLines(machines: readonly MachineRow[], { columns = Number.POSITIVE_INFINITY, wide = false }: Showing = {}): string[] {
  if (machines.length === 0) return ["The inventory is empty; add machines to lightsout.yaml"];
  const [heads, cells] = wide ? [wideHeads, wideCells] : [narrowHeads, narrowCells];
  return [...table(heads, machines.map(cells)), ...against(machines, columns)];
}

const narrowHeads = ["MACHINE", "NODE", "BMC", "POWER", "IDENTITY", "OFF?", "DRILL", "TRUST"];
const narrowCells = (machine: MachineRow) => [
  machine.name,
  readiness(machine.ready),
  machine.bmc.split(" ")[0],
  powerText(machine),
  identityText(machine),
  machine.canProveOff ? "✔" : "✘",
  drillText(machine.drill),
  trustText(machine),
];

const wideHeads = [
  ...["MACHINE", "POOL", "ROLE", "NODE", "READY", "BMC", "POWER", "WANT", "IDENTITY"],
  ...["OFF?", "DRILL", "MEASURED", "GPUS", "TRUST", "RUN"],
];
const wideCells = (machine: MachineRow) => [
  machine.name,
  machine.pool,
  machine.role,
  machine.node,
  readiness(machine.ready),
  machine.bmc,
  machine.power,
  machine.want,
  identityText(machine),
  machine.canProveOff ? "✔" : "✘",
  drillText(machine.drill),
  measured(machine.drill),
  machine.gpus,
  trustText(machine),
  machine.run?.slice(0, 12),
];

const words: Readonly<Record<string, string>> = { true: "Ready", false: "NotReady", unknown: "Unknown", missing: "no status" };
const readiness = (ready: string): string => words[ready] ?? (ready.startsWith("unknown") ? "?" : ready);

const powerText = ({ power, powerState }: MachineRow): string => (powerState === "unknown" ? power : powerState);

const marks = { agrees: "✔", contradicts: "✘", "cannot-tell": "?" } as const;
const identityText = ({ agree, identity }: MachineRow): string => `${marks[identity]} ${agree.length}/3`;

const drillText = (drill: DrillRow | undefined): string =>
  drill === undefined ? "never" : drill.lapsed === undefined ? drill.at.slice(0, 10) : "lapsed";

const measured = (drill: DrillRow | undefined): string | undefined =>
  drill && `off ${humanDuration(drill.offMs)}, back ${humanDuration(drill.bootMs)}, ${drill.gpus} GPUs`;

const trustText = ({ trust, trustInForce }: MachineRow): string => (trust === trustInForce ? trust : `${trustInForce} (set: ${trust})`);

/** They have a column, or a line of their own above all. */
const shownElsewhere = ["trust", "freeze"];
const mostNames = 6;

/** What stands against acting, each thing once with all machines that it is true of. */
function against(machines: readonly MachineRow[], columns: number): string[] {
  const said = new Map<string, string[]>();
  for (const machine of machines) {
    for (const text of remarks(machine)) said.set(text, [...(said.get(text) ?? []), machine.name]);
  }
  if (said.size === 0) return [];
  const lines = [...said].flatMap(([text, names]) => {
    const more = names.length - mostNames;
    const who = more > 1 ? `${names.slice(0, mostNames).join(", ")} and ${more} more` : names.join(", ");
    return wrapped(harmless(`  ${who}: ${text}`).replaceAll("\n", " "), { columns, indent: 4 });
  });
  return ["", paint("bold", "What stands against acting on them now:"), ...lines];
}

function remarks({ drill, identity, identityDetail, incident, objections, run }: MachineRow): string[] {
  const judged = objections.some(({ guard }) => guard === "identity");
  return [
    // A machine without a BMC has nobody else to say so.
    ...(identity === "contradicts" && !judged ? [`it is another machine: ${identityDetail}`] : []),
    ...objections.filter(({ guard }) => !shownElsewhere.includes(guard)).map(objectionText),
    ...(incident === undefined ? [] : [`it is lost: ${incident}`]),
    ...(run === undefined ? [] : [`run ${run} has it in its hands`]),
    ...(drill?.lapsed === undefined ? [] : [`its drill no longer counts: ${drill.lapsed}`]),
  ];
}

const verbs: Readonly<Record<string, string>> = { refuse: "refused", wait: "waits", ask: "asks first" };

const objectionText = ({ against: acts, guard, reason, says }: Objection): string =>
  `${acts.length === 3 ? "everything" : acts.join(" and ")} ${verbs[says] ?? says} (${guard}): ${reason}`;
