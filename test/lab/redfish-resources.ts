import { createHash } from "node:crypto";
import type { Host, HostLogEntry } from "./host.ts";
import { driveDocument } from "./redfish-media.ts";
import type { Personality } from "./redfish-personalities.ts";

/** What the BMC itself keeps beside the host: the light, tasks, sessions. */
export interface BmcState {
  lit: boolean;
  /** What was taken out last. */
  ejected: string | undefined;
  /** Tasks by the path of their monitor: how often that still answers 202, and what is done then. */
  readonly tasks: Map<string, { left: number; readonly work: () => void }>;
  readonly sessions: Map<string, string>;
  readonly account: { readonly user: string; readonly role: "Administrator" | "Operator" | "ReadOnly" };
}

type Document = Record<string, unknown>;

export type Paths = ReturnType<typeof pathsOf>;

/** The paths of one BMC, spelled the way its maker spells them. */
export function pathsOf(personality: Personality) {
  const end = personality.slash ? "/" : "";
  const { ids, log } = personality;
  const root = "/redfish/v1";
  const at = (...parts: string[]) => `${[root, ...parts].join("/")}${end}`;
  const owner = log.owner === "system" ? ["Systems", ids.system] : ["Managers", ids.manager];
  return {
    root: `${root}/`,
    at,
    system: at("Systems", ids.system),
    manager: at("Managers", ids.manager),
    chassis: at("Chassis", ids.chassis),
    sessions: at("SessionService", "Sessions"),
    reset: at("Systems", ids.system, "Actions", "ComputerSystem.Reset"),
    managerReset: at("Managers", ids.manager, "Actions", "Manager.Reset"),
    media: at("Managers", ids.manager, "VirtualMedia"),
    drive: at("Managers", ids.manager, "VirtualMedia", "CD1"),
    insert: at("Managers", ids.manager, "VirtualMedia", "CD1", "Actions", "VirtualMedia.InsertMedia"),
    eject: at("Managers", ids.manager, "VirtualMedia", "CD1", "Actions", "VirtualMedia.EjectMedia"),
    logs: at(...owner, "LogServices"),
    log: at(...owner, "LogServices", log.id),
    entries: at(...owner, "LogServices", log.id, "Entries"),
    entry: (id: string) => at(...owner, "LogServices", log.id, "Entries", id),
  };
}

const ref = (path: string) => ({ "@odata.id": path });
const collection = (name: string, members: readonly unknown[]): Document => ({
  "@odata.type": `#${name}.${name}`,
  Name: name,
  Members: members,
  "Members@odata.count": members.length,
});

const words: Readonly<Record<HostLogEntry["what"], readonly [message: string, severity: string]>> = {
  "power-on": ["The system was powered on.", "OK"],
  "power-off": ["The system was powered off.", "Warning"],
  reset: ["The system was reset.", "Warning"],
  "ac-lost": ["AC power lost.", "Critical"],
  "ac-restored": ["AC power restored.", "OK"],
  button: ["The power button was pressed.", "OK"],
  "os-up": ["The operating system runs.", "OK"],
  "os-down": ["The operating system stopped.", "OK"],
};

/** Every document that the BMC serves now, by path. */
export function documents(host: Host, personality: Personality, state: BmcState): Map<string, Document> {
  const paths = pathsOf(personality);
  const { at } = paths;
  const docs = new Map<string, Document>();
  const put = (path: string, id: string, body: Document) => docs.set(path, { "@odata.id": path, Id: id, Name: id, ...body });
  const identity = { ...host.identity, ...host.faults.reports };

  put("/redfish", "redfish", { v1: paths.root });
  put(paths.root, "RootService", {
    "@odata.type": "#ServiceRoot.v1_11_0.ServiceRoot",
    RedfishVersion: personality.version,
    UUID: identity.uuid,
    ...(personality.vendor ? { Vendor: personality.vendor } : {}),
    ...(personality.product ? { Product: personality.product } : {}),
    Oem: { [personality.oem]: {} },
    Systems: ref(at("Systems")),
    Chassis: ref(at("Chassis")),
    Managers: ref(at("Managers")),
    SessionService: ref(at("SessionService")),
    UpdateService: ref(at("UpdateService")),
    Tasks: ref(at("TaskService")),
    AccountService: ref(at("AccountService")),
    Links: { Sessions: ref(paths.sessions) },
    ...(personality.expand ? { ProtocolFeaturesSupported: { ExpandQuery: { Levels: true, NoLinks: true } } } : {}),
  });
  docs.set(at("Systems"), collection("ComputerSystemCollection", [ref(paths.system)]));
  docs.set(at("Managers"), collection("ManagerCollection", [ref(paths.manager)]));
  docs.set(at("Chassis"), collection("ChassisCollection", [ref(paths.chassis)]));
  put(at("SessionService"), "SessionService", { ServiceEnabled: true, SessionTimeout: 1800, Sessions: ref(paths.sessions) });
  docs.set(paths.sessions, collection("SessionCollection", [...state.sessions.values()].map(ref)));
  for (const path of state.sessions.values()) put(path, path.replace(/\/$/, "").split("/").at(-1) ?? "", { UserName: "lab" });

  put(paths.system, personality.ids.system, systemOf(host, personality, state, identity));
  put(at("Systems", personality.ids.system, "ResetActionInfo"), "ResetActionInfo", {
    Parameters: [{ Name: "ResetType", Required: true, DataType: "String", AllowableValues: personality.resetTypes }],
  });
  accountsOf(state, at, put);
  const card = (index: number) => at("Systems", personality.ids.system, "EthernetInterfaces", `NIC.${index + 1}`);
  docs.set(
    at("Systems", personality.ids.system, "EthernetInterfaces"),
    collection(
      "EthernetInterfaceCollection",
      host.macs.map((_, index) => ref(card(index))),
    ),
  );
  for (const [index, mac] of host.macs.entries()) put(card(index), `NIC.${index + 1}`, { MACAddress: mac.toUpperCase() });
  put(paths.manager, personality.ids.manager, {
    "@odata.type": "#Manager.v1_13_0.Manager",
    // A BMC keeps the time of the world, however fast the machine lives.
    DateTime: new Date(Date.now() + host.faults.bmcClockAheadMs).toISOString(),
    FirmwareVersion: personality.firmware,
    ...(personality.log.owner === "manager" ? { LogServices: ref(paths.logs) } : {}),
    ...(personality.media ? { VirtualMedia: ref(paths.media) } : {}),
    Actions: {
      "#Manager.Reset": { target: paths.managerReset, "ResetType@Redfish.AllowableValues": ["GracefulRestart", "ForceRestart"] },
    },
  });
  if (personality.media) {
    docs.set(paths.media, collection("VirtualMediaCollection", [ref(paths.drive)]));
    put(paths.drive, "CD1", driveDocument(host, personality, paths, state));
  }
  put(paths.chassis, personality.ids.chassis, {
    "@odata.type": "#Chassis.v1_19_0.Chassis",
    [personality.meter]: ref(at("Chassis", personality.ids.chassis, personality.meter)),
  });
  const meter = at("Chassis", personality.ids.chassis, personality.meter);
  if (personality.meter === "Power") put(meter, "Power", { PowerControl: [{ MemberId: "0", PowerConsumedWatts: host.watts() }] });
  else put(meter, "EnvironmentMetrics", { PowerWatts: { Reading: host.watts() } });

  docs.set(paths.logs, collection("LogServiceCollection", [ref(paths.log)]));
  put(paths.log, personality.log.id, { Entries: ref(paths.entries) });
  const entries = host.log.map((entry, index) => {
    const [Message, Severity] = words[entry.what];
    const path = paths.entry(String(index + 1));
    put(path, String(index + 1), { Created: new Date(entry.at).toISOString(), Message, Severity, EntryType: "SEL" });
    return docs.get(path) ?? {};
  });
  const shown = personality.log.inline ? entries.toReversed() : entries.map((entry) => ref(String(entry["@odata.id"])));
  docs.set(paths.entries, collection("LogEntryCollection", shown));

  const updating = host.faults.firmwareUpdate;
  put(at("UpdateService"), "UpdateService", {
    Status: { State: "Enabled" },
    ...(personality.oem === "Hpe" ? { Oem: { Hpe: { State: updating ? "Updating" : "Idle" } } } : {}),
  });
  put(at("TaskService"), "TaskService", { Tasks: ref(at("TaskService", "Tasks")) });
  const tasks = updating ? [at("TaskService", "Tasks", "JID_1")] : [];
  for (const path of tasks) put(path, "JID_1", { Name: "Firmware Update: BIOS", TaskState: "Running" });
  docs.set(at("TaskService", "Tasks"), collection("TaskCollection", tasks.map(ref)));
  return docs;
}

/** One account, that of the login. */
function accountsOf({ account }: BmcState, at: Paths["at"], put: (path: string, id: string, body: Document) => void): void {
  const accounts = at("AccountService", "Accounts");
  const path = at("AccountService", "Accounts", "2");
  const role = at("AccountService", "Roles", account.role);
  put(at("AccountService"), "AccountService", { Accounts: ref(accounts) });
  put(accounts, "Accounts", collection("ManagerAccountCollection", [ref(path)]));
  put(path, "2", { UserName: account.user, RoleId: account.role, Enabled: true, Links: { Role: ref(role) } });
  put(role, account.role, { RoleId: account.role, AssignedPrivileges: privileges[account.role] });
}

/** DSP0266 13.4. */
const privileges = {
  Administrator: ["Login", "ConfigureManager", "ConfigureUsers", "ConfigureComponents", "ConfigureSelf"],
  Operator: ["Login", "ConfigureComponents", "ConfigureSelf"],
  ReadOnly: ["Login", "ConfigureSelf"],
} as const;

function systemOf(host: Host, personality: Personality, state: BmcState, identity: Host["identity"]): Document {
  const paths = pathsOf(personality);
  const { boot } = host;
  const power = { on: "On", off: "Off", "powering-on": "PoweringOn", "powering-off": "PoweringOff" }[host.reportedPower()];
  const stage =
    host.power() === "off" ? "None" : host.posting() ? "MemoryInitializationStarted" : host.osUp() ? "OSRunning" : "OSBootStarted";
  const post = host.power() === "off" ? "PowerOff" : host.posting() ? "InPost" : "FinishedPost";
  const starts = host.count.on + host.count.reset;
  return {
    "@odata.type": "#ComputerSystem.v1_18_0.ComputerSystem",
    UUID: identity.uuid,
    SerialNumber: identity.serial,
    Manufacturer: personality.manufacturer,
    Model: identity.model,
    PowerState: power,
    ...(personality.proof === "LastResetTime" ? { LastResetTime: new Date(host.lastReset()).toISOString() } : {}),
    ...(personality.progress === "BootProgress"
      ? { BootProgress: { LastState: stage, ...(personality.proof === "LastBootTimeSeconds" ? { LastBootTimeSeconds: 90 + starts } : {}) } }
      : {}),
    ...(personality.progress === "PostState" ? { Oem: { Hpe: { PostState: post } } } : {}),
    [personality.light]: personality.light === "IndicatorLED" ? (state.lit ? "Blinking" : "Off") : state.lit,
    Boot: {
      BootSourceOverrideEnabled: boot.target === "none" ? "Disabled" : boot.once ? "Once" : "Continuous",
      BootSourceOverrideTarget: spelled(boot.target, personality),
      "BootSourceOverrideTarget@Redfish.AllowableValues": personality.targets,
      ...(personality.targets.includes("UefiHttp") ? { HttpBootUri: boot.uri ?? "" } : {}),
      ...(personality.mode === "absent" ? {} : { BootSourceOverrideMode: boot.mode }),
    },
    EthernetInterfaces: ref(paths.at("Systems", personality.ids.system, "EthernetInterfaces")),
    Links: { Chassis: [ref(paths.chassis)], ManagedBy: [ref(paths.manager)] },
    ...(personality.log.owner === "system" ? { LogServices: ref(paths.logs) } : {}),
    Actions: {
      "#ComputerSystem.Reset": {
        target: paths.reset,
        ...(personality.inline
          ? { "ResetType@Redfish.AllowableValues": personality.resetTypes }
          : { "@Redfish.ActionInfo": paths.at("Systems", personality.ids.system, "ResetActionInfo") }),
      },
    },
  };
}

const targets: Readonly<Record<string, string>> = { none: "None", pxe: "Pxe", http: "UefiHttp", disk: "Hdd", cd: "Cd", bios: "BiosSetup" };

function spelled(target: string, personality: Personality): string {
  return target === "cd" && !personality.targets.includes("Cd") ? "UsbCd" : (targets[target] ?? target);
}

/** The host's word for a target of Redfish. */
export function meant(target: string): string {
  return target === "UsbCd" ? "cd" : (Object.entries(targets).find(([, name]) => name === target)?.[0] ?? target);
}

/** The ETag of a document in the maker's form. */
export function etagOf(document: unknown, form: Personality["etag"]): string | undefined {
  if (form === "none") return undefined;
  const digest = createHash("sha256").update(JSON.stringify(document)).digest("hex").slice(0, 8);
  return form === "weak" ? `W/"${digest}"` : `"${digest}"`;
}
