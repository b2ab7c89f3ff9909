import { type Step, TerminalError } from "#events";
import type { Ports } from "../define.ts";
import { controlPlanesOf } from "./etcd.ts";

type Copying = Pick<Ports, "inventory" | "talos" | "snapshots">;

/** A snapshot of etcd that is stored and was read back whole. */
export interface Taken {
  readonly name: string;
  /** The machine whose member was copied. */
  readonly from: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly where: string;
}

/** Copies etcd from a healthy member to where snapshots are kept. It answers when what is stored has been verified. */
export async function takeSnapshot(step: Step, ports: Copying): Promise<Taken> {
  const from = await step.run("choose the etcd member to copy", (signal) => healthiest(ports, signal), { reads: true });
  return step.run("take a snapshot of etcd and verify it", (signal) => copy(from, ports, signal), {
    timeout: "30m",
    planned: { name: "", from, bytes: 0, sha256: "", where: "" },
  });
}

/** A voter that knows a leader, has no errors and whose data is not known to be corrupt. The leader has enough to do: it is the last choice. */
async function healthiest(ports: Copying, signal: AbortSignal): Promise<string> {
  const told = await Promise.all(controlPlanesOf(ports).map((machine) => healthOf(machine, ports, signal)));
  const best = told.find((one) => one === "follows") ?? told.find((one) => one === "leads");
  const found = best && controlPlanesOf(ports)[told.indexOf(best)];
  if (found !== undefined) return found;
  throw new TerminalError(`No healthy etcd member can be copied: ${told.join("; ") || "the inventory has no control plane"}`, {
    hint: "See to etcd first: talosctl etcd status",
  });
}

async function healthOf(machine: string, ports: Copying, signal: AbortSignal): Promise<"follows" | "leads" | `${string}: ${string}`> {
  const { etcd } = ports.talos.of(machine);
  try {
    const { member, leader, learner, errors } = await etcd.status(signal);
    if (errors.length > 0) return `${machine}: ${errors.join(", ")}`;
    if (learner || leader === undefined) return `${machine}: ${learner ? "a learner" : "it knows no leader"}`;
    const corrupt = (await etcd.alarms(signal)).some((one) => one.member === member && one.alarm === "corrupt");
    if (corrupt) return `${machine}: its data is corrupt`;
    return leader === member ? "leads" : "follows";
  } catch (error) {
    return `${machine}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function copy(from: string, ports: Copying, signal: AbortSignal) {
  // Only a name, for people: one that is taken once more is another one.
  const at = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  const name = `${ports.inventory.site}-${at}Z-${from}.db`;
  const { bytes, sha256, where } = await ports.snapshots.store(name, ports.talos.of(from).etcd.snapshot(signal), signal);
  return { name, from, bytes, sha256, where };
}
