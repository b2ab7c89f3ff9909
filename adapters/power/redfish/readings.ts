import { UnsupportedError } from "#events";
import type { Activity, PowerStatus } from "../port.ts";
import { type Client, optional } from "./client.ts";
import type { Service } from "./discovery.ts";
import { at, type Fields, link, links, list, numeric, text } from "./fields.ts";

/** Only the words On and Off are states; everything between, unheard of or missing is `unknown`. */
export function statusOf(system: Fields): PowerStatus {
  const raw = text(system, "PowerState");
  return {
    state: raw === "On" ? "on" : raw === "Off" ? "off" : "unknown",
    raw: raw ?? JSON.stringify(at(system, "PowerState") ?? null).slice(0, 40),
  };
}

/**
 * What changes when the host was reset. `LastBootTimeSeconds` counts only while the system runs: before, the boot of an earlier
 * reset could still be about to change it.
 */
export function resetProof(service: Service, system: Fields): string | undefined {
  if (service.proof === "LastResetTime") return text(system, "LastResetTime");
  if (service.proof !== "LastBootTimeSeconds") return undefined;
  const seconds = numeric(system, "BootProgress", "LastBootTimeSeconds");
  return seconds !== undefined && text(system, "BootProgress", "LastState") === "OSRunning" ? `boot took ${seconds} s` : undefined;
}

/** Present draw in watts: EnvironmentMetrics, else PowerControl, else the sum of what the power supplies take in. */
export async function readWatts(machine: string, client: Client, service: Service, signal?: AbortSignal): Promise<number> {
  const chassis = service.chassis === undefined ? {} : (await client.get(service.chassis, signal)).body;
  const read = async (path: string | undefined) => (path === undefined ? {} : await optional(client, path, signal));
  const metered = numeric(await read(link(chassis, "EnvironmentMetrics")), "PowerWatts", "Reading");
  if (metered !== undefined) return metered;
  const control = list(await read(link(chassis, "Power")), "PowerControl")[0];
  const consumed = numeric(control, "PowerConsumedWatts");
  if (consumed !== undefined) return consumed;
  const subsystem = await read(link(chassis, "PowerSubsystem"));
  let sum: number | undefined;
  for (const supply of links(await read(link(subsystem, "PowerSupplies")), "Members").slice(0, 16)) {
    const metrics = await read(link(await read(supply), "Metrics"));
    const input = numeric(metrics, "InputPowerWatts", "Reading");
    if (input !== undefined) sum = (sum ?? 0) + input;
  }
  if (sum !== undefined) return sum;
  throw new UnsupportedError(machine, "power-reading", "the BMC shows no power meter");
}

/** Boot progress of the system, and whether an update runs as far as UpdateService and tasks tell. */
export async function readActivity(client: Client, service: Service, system: Fields, signal?: AbortSignal): Promise<Activity> {
  const { post, updating } = service.quirks;
  const progress = text(system, "BootProgress", "LastState");
  const vendor = post ? text(system, ...post.path) : undefined;
  const booting =
    isBooting(progress) ?? (post?.running.includes(vendor ?? "") ? true : post?.ended.includes(vendor ?? "") ? false : undefined);

  const updates = service.updates === undefined ? {} : await optional(client, service.updates, signal);
  const own = updating ? text(updates, ...updating.path) : undefined;
  const states = [text(updates, "Status", "State"), text(system, "Status", "State")];
  const busy = states.includes("Updating") || (own !== undefined && !updating?.idle.includes(own));
  const task = busy ? undefined : await runningUpdate(client, service, signal);
  const raw = [progress ?? vendor ?? "no boot progress", own ?? states.find((state) => state === "Updating"), task];
  return {
    firmwareUpdate: busy || task !== undefined,
    ...(booting === undefined ? {} : { booting }),
    raw: raw.filter((part) => part !== undefined).join("; "),
  };
}

/** `OSBootStarted` and `OEM` do not tell: without an agent in the system many BMCs never get beyond. */
function isBooting(progress: string | undefined): boolean | undefined {
  if (progress === undefined || progress === "None" || progress === "OEM" || progress === "OSBootStarted") return undefined;
  return progress !== "OSRunning";
}

/** The name of a task that runs and has to do with firmware. Of tasks given as links only the last eight are read. */
async function runningUpdate(client: Client, service: Service, signal?: AbortSignal): Promise<string | undefined> {
  if (service.tasks === undefined) return undefined;
  const collection = link(await optional(client, service.tasks, signal), "Tasks");
  if (collection === undefined) return undefined;
  const members = list(await optional(client, service.expand ? `${collection}?${service.expand}` : collection, signal), "Members");
  const told: unknown[] = members.filter((member) => text(member, "TaskState") !== undefined);
  if (told.length < members.length) {
    for (const path of links({ members }, "members").slice(-8)) told.push(await optional(client, path, signal));
  }
  for (const task of told) {
    const running = ["New", "Starting", "Running", "Pending", "Service"].includes(text(task, "TaskState") ?? "");
    const words = [text(task, "Name"), text(task, "Payload", "TargetUri"), ...list(task, "Messages").map((note) => text(note, "Message"))];
    if (running && words.some((word) => /update|firmware/i.test(word ?? ""))) return text(task, "Name") ?? "update task";
  }
  return undefined;
}
