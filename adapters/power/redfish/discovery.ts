import { DeviceError } from "#events";
import { type Client, optional } from "./client.ts";
import { at, type Fields, fields, link, links, list, pathOf, text, texts } from "./fields.ts";
import { contradiction, type Expected } from "./identity.ts";
import type { Quirks } from "./oem/quirk.ts";
import { quirksFor } from "./oem/quirks.ts";

/** An action: where to POST, and which values its type may have (`undefined`: not told). */
export interface Action {
  readonly target: string;
  readonly types: readonly string[] | undefined;
}

/** Where one machine's things stand on its BMC. Found by following links; ids and paths are never guessed. */
export interface Service {
  readonly quirks: Quirks;
  readonly system: string;
  readonly manager: string | undefined;
  readonly chassis: string | undefined;
  /** Whether the chassis links to anything that may hold a power meter. */
  readonly metered: boolean;
  readonly updates: string | undefined;
  readonly accounts: string | undefined;
  readonly tasks: string | undefined;
  /** Collections of log services: the system's, the manager's, the chassis'. */
  readonly logs: readonly string[];
  /** Collections of virtual drives: the system's (newer), the manager's (older), or both. */
  readonly media: readonly string[];
  readonly reset: Action | undefined;
  readonly managerReset: Action | undefined;
  /** What `$expand` to add to a collection so that its members come with it; empty where the service has no `$expand`. */
  readonly expand: string;
  /** What proves a reset on this firmware, judged once so that fingerprints of two kinds are never compared. */
  readonly proof: "LastResetTime" | "LastBootTimeSeconds" | undefined;
  /** The system as it was at discovery: which properties it has, not what they are now. */
  readonly shape: Fields;
}

/** Members of one collection followed at most, against a service that lists without end. */
const mostMembers = 64;

/** Reads root, system, manager and their actions: 5 to 8 requests, so keep the answer. */
export async function discover(machine: string, client: Client, expect: Expected, signal?: AbortSignal): Promise<Service> {
  const read = async (path: string) => (await client.get(path, signal)).body;
  const root = await read("/redfish/v1/");
  const hint = (path: string) => optional(client, path, signal);
  const missing = (what: string) =>
    new DeviceError("LO_BMC_PROTOCOL", { target: machine, operation: "discovery", effect: "none" }, `the service has no ${what}`);

  const collection = link(root, "Systems");
  if (collection === undefined) throw missing("Systems");
  const { path, body: shape } = await pick(machine, await members(client, collection, signal), expect, read);
  const managerPath = links(shape, "Links", "ManagedBy")[0] ?? (await only(client, link(root, "Managers"), signal));
  const chassis = links(shape, "Links", "Chassis")[0] ?? (await only(client, link(root, "Chassis"), signal));
  const manager = managerPath === undefined ? {} : await read(managerPath);
  const enclosure = chassis === undefined ? {} : await read(chassis);

  const ofRoot = [text(root, "Vendor"), ...Object.keys(fields(root, "Oem")), text(root, "Product")];
  // bmcweb says who it is only on its manager.
  const names = [...ofRoot, text(manager, "Model"), ...Object.keys(fields(manager, "Oem")), text(shape, "Manufacturer")];
  return {
    quirks: quirksFor(names.filter((name) => name !== undefined)),
    system: path,
    manager: managerPath,
    chassis,
    metered: ["EnvironmentMetrics", "Power", "PowerSubsystem"].some((name) => link(enclosure, name) !== undefined),
    updates: link(root, "UpdateService"),
    accounts: link(root, "AccountService"),
    tasks: link(root, "Tasks"),
    logs: [shape, manager, enclosure].flatMap((owner) => link(owner, "LogServices") ?? []),
    media: [shape, manager].flatMap((owner) => link(owner, "VirtualMedia") ?? []),
    reset: await action(shape, "#ComputerSystem.Reset", hint),
    managerReset: await action(manager, "#Manager.Reset", hint),
    expand: at(root, "ProtocolFeaturesSupported", "ExpandQuery", "Levels") === true ? "$expand=.($levels=1)" : "",
    proof: Object.hasOwn(shape, "LastResetTime")
      ? "LastResetTime"
      : Object.hasOwn(fields(shape, "BootProgress"), "LastBootTimeSeconds")
        ? "LastBootTimeSeconds"
        : undefined,
    shape,
  };
}

/** The links of a collection's members, page after page. */
export async function members(client: Client, collection: string, signal?: AbortSignal): Promise<readonly string[]> {
  const found: string[] = [];
  const seen = new Set<string>();
  for (let page: string | undefined = collection; page !== undefined && !seen.has(page) && found.length < mostMembers; ) {
    seen.add(page);
    const { body }: { body: Fields } = await client.get(page, signal);
    found.push(...links(body, "Members"));
    page = pathOf(at(body, "Members@odata.nextLink"));
  }
  return found.slice(0, mostMembers);
}

async function only(client: Client, collection: string | undefined, signal?: AbortSignal): Promise<string | undefined> {
  const found = collection === undefined ? [] : await members(client, collection, signal);
  return found.length === 1 ? found[0] : undefined;
}

/** A chassis of several nodes lists several systems: the one meant is the one with the expected uuid or serial. */
async function pick(
  machine: string,
  paths: readonly string[],
  expect: Expected,
  read: (path: string) => Promise<Fields>,
): Promise<{ path: string; body: Fields }> {
  const refuse = (why: string) =>
    new DeviceError("LO_BMC_IDENTITY", { target: machine, operation: "discovery", effect: "none" }, why, {
      hint: "Set this machine's uuid or serial in lightsout.yaml to what its BMC reports",
    });
  const [first] = paths;
  if (first === undefined) throw refuse("the BMC lists no system");
  if (paths.length === 1) return { path: first, body: await read(first) };
  const matching: { path: string; body: Fields }[] = [];
  for (const path of paths) {
    const body = await read(path);
    if (contradiction(body, expect).matched > 0 && contradiction(body, expect).why === undefined) matching.push({ path, body });
  }
  const [match] = matching;
  if (match && matching.length === 1) return match;
  throw refuse(`${matching.length} of the BMC's ${paths.length} systems have the expected uuid and serial`);
}

/** An action with its allowed types, inline or by `@Redfish.ActionInfo`. */
async function action(owner: Fields, name: string, hint: (path: string) => Promise<Fields>): Promise<Action | undefined> {
  const found = fields(owner, "Actions", name);
  const target = pathOf(at(found, "target"));
  if (target === undefined) return undefined;
  const inline = resetTypes(texts(found, "ResetType@Redfish.AllowableValues"));
  const info = pathOf(at(found, "@Redfish.ActionInfo"));
  if (inline || info === undefined) return { target, types: inline };
  // ActionInfo is only a hint: a service that cannot give it can still act.
  const parameter = list(await hint(info), "Parameters").find((entry) => text(entry, "Name") === "ResetType");
  return { target, types: resetTypes(texts(parameter, "AllowableValues")) };
}

const typeNames =
  /GracefulShutdown|GracefulRestart|ForceRestart|ForceOff|ForceOn|FullPowerCycle|PowerCycle|PushPowerButton|Suspend|Resume|Pause|Nmi|On/g;

/** The values of a list, run-together ones taken apart: Supermicro 1.14 lists "GracefulShutdownGracefulRestart". */
export function resetTypes(values: readonly string[]): readonly string[] | undefined {
  if (values.length === 0) return undefined;
  return values.flatMap((value) => {
    const parts = value.match(typeNames) ?? [];
    return parts.join("") === value ? parts : [value];
  });
}
