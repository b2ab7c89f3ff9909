import { UnsupportedError } from "#events";
import type { BootOverride, BootTarget } from "../port.ts";
import { at, type Fields, fields, link, text, texts } from "./fields.ts";
import type { Quirks } from "./oem/quirk.ts";

const enabledName = "BootSourceOverrideEnabled";
const targetName = "BootSourceOverrideTarget";
const modeName = "BootSourceOverrideMode";
const uriName = "HttpBootUri";

const meanings: Readonly<Record<string, BootTarget>> = {
  None: "none",
  Pxe: "pxe",
  UefiHttp: "http",
  Hdd: "disk",
  Cd: "cd",
  UsbCd: "cd",
  BiosSetup: "bios",
};

/** The override that a system, or its settings resource, shows. */
export function overrideOf(body: Fields): BootOverride {
  const boot = fields(body, "Boot");
  const [enabled, target, mode] = [text(boot, enabledName), text(boot, targetName), text(boot, modeName)];
  const raw = [enabled ?? "absent", target ?? "absent", ...(mode ? [mode] : [])].join(" ");
  if (enabled === "Disabled" || (target === "None" && enabled !== undefined)) return { target: "none", once: false, raw };
  const meaning = target !== undefined && Object.hasOwn(meanings, target) ? meanings[target] : undefined;
  const uri = meaning === "http" ? text(boot, uriName) : undefined;
  return { target: meaning ?? "other", once: enabled === "Once", ...(uri === undefined ? {} : { uri }), raw: uri ? `${raw} ${uri}` : raw };
}

/** Whether the override is the one asked for: at the next start, and no longer, and from where it was said. */
export function isArmed(override: BootOverride, target: BootTarget, uri?: string): boolean {
  return override.target === target && (target === "none" || override.once) && (target !== "http" || override.uri === uri);
}

/** The resource that takes settings for the next start (DSP0266 9.10), where the system names one. */
export function settingsOf(system: Fields): string | undefined {
  return link(system, "@Redfish.Settings", "SettingsObject");
}

/** Whether the firmware boots from an address: it lists UefiHttp, or lists nothing (iDRAC10) and has a place for the address. */
export function offersHttp(...boots: readonly Fields[]): boolean {
  const allowed = boots.flatMap((boot) => texts(boot, `${targetName}@Redfish.AllowableValues`));
  return allowed.includes("UefiHttp") || (allowed.length === 0 && boots.some((boot) => Object.hasOwn(boot, uriName)));
}

/**
 * The boot properties to write, each to where it is taken: a property that the settings resource shows goes there
 * (iDRAC10), all others to the system. Only what differs is sent, unless the firmware wants everything.
 */
export function planBoot(options: {
  machine: string;
  system: Fields;
  settings: Fields;
  target: BootTarget;
  uri?: string | undefined;
  quirks: Quirks;
}): { system: Fields; settings: Fields } {
  const { machine, target, quirks } = options;
  const boot = fields(options.system, "Boot");
  const settingsBoot = fields(options.settings, "Boot");
  const allowed = [
    ...texts(boot, `${targetName}@Redfish.AllowableValues`),
    ...texts(settingsBoot, `${targetName}@Redfish.AllowableValues`),
  ];
  const spellings: readonly string[] = {
    ...{ none: ["None"], pxe: ["Pxe"], http: ["UefiHttp"], disk: ["Hdd"], bios: ["BiosSetup"], cd: quirks.cd },
  }[target];
  if (target === "http" && (options.uri === undefined || !offersHttp(boot, settingsBoot))) {
    throw new UnsupportedError(machine, "boot-http", `the BMC offers ${allowed.join(", ") || "no list of targets"}, not UefiHttp`, {
      hint: "Use netboot: pxe",
    });
  }
  const spelling = spellings.find((name) => allowed.length === 0 || allowed.includes(name));
  if (spelling === undefined && target !== "none") {
    throw new UnsupportedError(machine, "boot-once", `the BMC offers ${allowed.join(", ")}, not ${spellings.join(" or ")}`);
  }
  const wanted: Record<string, string> = { [enabledName]: target === "none" ? "Disabled" : "Once" };
  if (spelling !== undefined) wanted[targetName] = spelling;
  if (target === "http" && options.uri !== undefined) wanted[uriName] = options.uri;
  const mode = text(boot, modeName);
  // A machine that starts as a PC of the eighties knows no HTTP.
  if (mode !== undefined && target === "http") wanted[modeName] = "UEFI";
  else if (mode !== undefined && quirks.bootSendAll) wanted[modeName] = mode;

  const split = { system: {} as Record<string, string>, settings: {} as Record<string, string> };
  for (const [name, value] of Object.entries(wanted)) {
    const there = Object.hasOwn(settingsBoot, name);
    if (quirks.bootSendAll || at(there ? settingsBoot : boot, name) !== value) split[there ? "settings" : "system"][name] = value;
  }
  return split;
}
