import type { DemoAsked } from "#adapters/cli/mod.ts";
import type { Entry } from "#events";
import type { RackMachine } from "#test/lab/rack.ts";
import { followed } from "./demo-follow.ts";
import type { Lab } from "./lab.ts";

/** What `lightsout demo` tells when it is asked for; without a name a machine hangs and is recovered. */
export type Story = NonNullable<DemoAsked["story"]>;

/** What a story proves. Milliseconds are the lab's. */
export interface StoryResult {
  readonly ok: boolean;
  readonly story: Story;
  /** `done`, `rolled-back`, or how the run ended otherwise. */
  readonly outcome: string;
  readonly reason: string;
  /** What the run did, in its order. */
  readonly steps: readonly string[];
  /** What the machines themselves show in the end. */
  readonly evidence: readonly Evidence[];
  /** How long at least one machine was busy with going off, starting or installing. */
  readonly hardwareMs: number;
  /** What Lightsout added between the agreement and the end. */
  readonly wasteMs: number;
}

interface Evidence {
  readonly machine: string;
  readonly version: string;
  readonly bootIdChanged: boolean;
  readonly ready: boolean;
  readonly schedulable: boolean;
  readonly gpus: number;
}

interface Plan {
  readonly asks: { readonly type: string; readonly data: Readonly<Record<string, unknown>> };
  /** Who is looked at in the end. */
  readonly machines: (lab: Lab) => readonly string[];
  readonly says: string;
  /** Whether the machines are as they were meant to be. */
  readonly as: (seen: Evidence, lab: Lab) => boolean;
}

const to = "v1.14.0";
const serves = ({ machine, ready, schedulable, gpus }: Evidence, { rack }: Lab) => ready && schedulable && gpus === rack.host(machine).gpus;

const plans: Readonly<Record<Story, Plan>> = {
  upgrade: {
    asks: { type: "upgrade-requested", data: { machine: "gpu-02", version: to } },
    machines: () => ["gpu-02"],
    says: `gpu-02 is brought to Talos ${to}`,
    as: (seen, lab) => serves(seen, lab) && seen.version === to && seen.bootIdChanged,
  },
  rebuild: {
    asks: { type: "rebuild-requested", data: { machine: "gpu-01" } },
    machines: () => ["gpu-01"],
    says: "gpu-01 is wiped and installed anew",
    as: (seen, lab) => serves(seen, lab) && seen.bootIdChanged,
  },
  bootstrap: {
    asks: { type: "bootstrap-requested", data: {} },
    machines: ({ rack }) => [...rack.hosts.keys()],
    says: "Machines that are off and carry nothing become a cluster",
    as: serves,
  },
};

/** Of a bootstrap: nothing on any of them, and each can be switched on from afar. */
export const blank: readonly RackMachine[] = [
  { name: "cp-01", bmc: "dell", model: "PowerEdge R740", role: "control-plane", bootMs: 150_000, state: "blank" },
  { name: "cp-02", bmc: "dell", model: "PowerEdge R740", role: "control-plane", bootMs: 150_000, state: "blank" },
  { name: "cp-03", bmc: "hpe", model: "ProLiant DL380 Gen10", role: "control-plane", bootMs: 170_000, state: "blank" },
  { name: "gpu-01", bmc: "supermicro", model: "SYS-741GE-TNRT", gpus: 4, bootMs: 120_000, state: "blank" },
  { name: "worker-01", bmc: "openbmc", model: "Open Compute Tioga Pass", bootMs: 60_000, state: "blank" },
];

/** Asks for it as a person would, agrees to what is asked, and follows it to its end. */
export async function tell(story: Story, lab: Lab, options: { say(line: string): void; rollback?: boolean }): Promise<StoryResult> {
  const { rack, lightsout } = lab;
  const { as, asks, machines, says } = plans[story];
  const names = machines(lab);
  if (options.rollback) for (const name of names) rack.talos(name).os.faults.badVersions.set(to, "crashes");
  const before = new Map(names.map((name) => [name, rack.host(name).bootId()]));
  options.say(says);
  const person = { origin: "operator", source: "demo", actor: "you" } as const;
  const { runs } = await lightsout.worker.accept({ ...asks, ...person });
  const { entries, hardwareMs } = await agreedTo(runs[0] ?? "", lab, person);

  const last = entries.at(-1);
  const evidence = await Promise.all(names.map((name) => seenOf(name, before.get(name), lab)));
  const ended = last?.is === "finished" ? { status: last.status, reason: last.reason ?? last.status } : { status: "parked", reason: "" };
  const begun = entries.find(({ is }) => is === "decided") ?? entries[0];
  const tookMs = (last?.at ?? 0) - (begun?.at ?? 0);
  return {
    ok: ended.status === "ok" && evidence.every((seen) => as(seen, lab)),
    story,
    outcome: ended.status === "ok" ? "done" : /rolled back/.test(ended.reason) ? "rolled-back" : ended.status,
    reason: ended.reason,
    steps: entries.flatMap((entry) => (entry.is === "done" || entry.is === "outcome" ? [entry.step] : [])),
    evidence,
    hardwareMs: Math.round(hardwareMs),
    wasteMs: Math.max(0, Math.round(tookMs - hardwareMs)),
  };
}

type Person = { readonly origin: "operator"; readonly source: string; readonly actor: string };

/** The run's journal in the end, agreed to as it went, and how long at least one machine was busy meanwhile. */
async function agreedTo(id: string, lab: Lab, person: Person): Promise<{ entries: readonly Entry[]; hardwareMs: number }> {
  const { lightsout, rack } = lab;
  const busy = () => new Map([...rack.hosts].map(([name, host]) => [name, host.busyMs()]));
  const agreed = new Set<string>();
  let last = busy();
  let hardwareMs = 0;
  const look = async (entries: readonly Entry[]) => {
    const now = busy();
    hardwareMs += Math.max(...[...now].map(([name, ms]) => ms - (last.get(name) ?? 0)));
    last = now;
    const asked = entries.findLast((entry) => entry.is === "asked");
    if (asked?.is !== "asked" || agreed.has(asked.nonce)) return;
    agreed.add(asked.nonce);
    const { digest, nonce, step } = asked;
    await lightsout.worker.accept({ type: "approval-decided", data: { run: id, step, nonce, digest, approve: true }, ...person });
  };
  const entries = await followed(lab, () => lightsout.worker.runs.get(id), { withinMs: 43_200_000, look });
  return { entries, hardwareMs };
}

async function seenOf(machine: string, bootId: string | undefined, { rack, lightsout }: Lab): Promise<Evidence> {
  const host = rack.host(machine);
  const node = await lightsout.ports.cluster.node(machine);
  return {
    machine,
    version: rack.talos(machine).os.running().version,
    bootIdChanged: host.bootId() !== bootId && node?.bootID === host.bootId(),
    ready: node?.ready === "true",
    schedulable: node !== undefined && !node.unschedulable,
    gpus: node?.gpus.allocatable ?? 0,
  };
}
