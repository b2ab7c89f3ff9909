import type { MediaWay } from "./redfish-media.ts";

/** How one maker's BMC looks and behaves. Data only; each value is one that its firmware was seen with. */
export interface Personality {
  readonly vendor: string;
  /** Key under `Oem` of the service root. */
  readonly oem: string;
  readonly product: string;
  readonly manufacturer: string;
  readonly firmware: string;
  readonly version: string;
  /** Links end with a slash, and a GET without it is answered 308. */
  readonly slash: boolean;
  readonly ids: { readonly system: string; readonly manager: string; readonly chassis: string };
  readonly resetTypes: readonly string[];
  /** Reset types stand in the system; otherwise only ActionInfo tells. */
  readonly inline: boolean;
  /** Status of an accepted reset. 202 comes with a task. */
  readonly accepts: 200 | 202 | 204;
  /** How a request for the state the machine is in already is refused; `undefined`: accepted. */
  readonly already: { readonly status: number; readonly id: string; readonly message: string } | undefined;
  /** Sessions at once, and the message of the refusal beyond. */
  readonly sessions: number;
  readonly full: string;
  readonly etag: "none" | "weak" | "strong";
  /** PATCH without If-Match is answered 428. */
  readonly precondition: boolean;
  /** A weak ETag in If-Match is answered 412; without its mark it is taken. */
  readonly weakRefused: boolean;
  readonly targets: readonly string[];
  /** Has a virtual CD drive that takes an image by its address; absent where a licence is missing. */
  readonly media?: MediaWay;
  /** BootSourceOverrideMode: not shown, shown, or reverting to Legacy when it is not sent. */
  readonly mode: "absent" | "kept" | "reverts";
  /** MessageId of the refusal of a boot override while POST runs; `undefined`: accepted. */
  readonly refusesInPost: string | undefined;
  readonly proof: "LastResetTime" | "LastBootTimeSeconds" | undefined;
  readonly progress: "BootProgress" | "PostState" | undefined;
  readonly meter: "Power" | "EnvironmentMetrics";
  readonly light: "LocationIndicatorActive" | "IndicatorLED";
  readonly log: { readonly owner: "system" | "manager"; readonly id: string; readonly inline: boolean };
  readonly expand: boolean;
}

const common = ["On", "ForceOff", "GracefulShutdown", "GracefulRestart", "ForceRestart", "Nmi"];

/** The BMCs that our client is proven against. */
export const personalities = {
  /** iDRAC9 on 14G/15G, firmware 6.x. */
  dell: {
    vendor: "Dell",
    oem: "Dell",
    product: "Integrated Dell Remote Access Controller",
    manufacturer: "Dell Inc.",
    firmware: "6.10.80.00",
    version: "1.15.0",
    slash: false,
    ids: { system: "System.Embedded.1", manager: "iDRAC.Embedded.1", chassis: "System.Embedded.1" },
    resetTypes: [...common, "PushPowerButton", "PowerCycle"],
    inline: true,
    accepts: 204,
    already: { status: 409, id: "IDRAC.2.8.PSU501", message: "Server is already in the requested power state." },
    sessions: 8,
    full: "IDRAC.2.8.RAC0218",
    etag: "none",
    precondition: false,
    weakRefused: false,
    targets: ["None", "Pxe", "Floppy", "Cd", "Hdd", "BiosSetup", "Utilities", "UefiTarget", "SDCard", "UefiHttp"],
    media: "action",
    mode: "kept",
    refusesInPost: undefined,
    proof: undefined,
    progress: "BootProgress",
    meter: "Power",
    light: "LocationIndicatorActive",
    log: { owner: "manager", id: "Sel", inline: true },
    expand: true,
  },
  /** iLO 5 before 1.40 in its redirects, later in all else. */
  hpe: {
    vendor: "HPE",
    oem: "Hpe",
    product: "ProLiant DL360 Gen10",
    manufacturer: "HPE",
    firmware: "iLO 5 v2.78",
    version: "1.6.0",
    slash: true,
    ids: { system: "1", manager: "1", chassis: "1" },
    resetTypes: [...common, "PushPowerButton"],
    inline: true,
    accepts: 200,
    already: {
      status: 400,
      id: "iLO.2.14.InvalidOperationForSystemState",
      message: "The operation was not successful due to the current power state.",
    },
    sessions: 16,
    full: "Base.1.4.SessionLimitExceeded",
    etag: "weak",
    precondition: false,
    weakRefused: false,
    targets: ["None", "Cd", "Hdd", "Usb", "SDCard", "Utilities", "Diags", "BiosSetup", "Pxe", "UefiShell", "UefiHttp", "UefiTarget"],
    media: "action",
    mode: "kept",
    refusesInPost: "iLO.2.14.UnableToModifyDuringSystemPOST",
    proof: undefined,
    progress: "PostState",
    meter: "Power",
    light: "IndicatorLED",
    log: { owner: "system", id: "IML", inline: false },
    expand: false,
  },
  /** X11 to X13. */
  supermicro: {
    vendor: "Supermicro",
    oem: "Supermicro",
    product: "",
    manufacturer: "Supermicro",
    firmware: "01.01.10",
    version: "1.11.0",
    slash: false,
    ids: { system: "1", manager: "1", chassis: "1" },
    resetTypes: [...common, "ForceOn"],
    inline: false,
    accepts: 200,
    already: undefined,
    sessions: 16,
    full: "Base.1.10.SessionLimitExceeded",
    etag: "weak",
    precondition: false,
    weakRefused: false,
    targets: ["None", "Pxe", "Floppy", "UsbCd", "Usb", "Hdd", "BiosSetup", "UefiHttp"],
    media: "bare-action",
    mode: "reverts",
    refusesInPost: undefined,
    proof: "LastBootTimeSeconds",
    progress: "BootProgress",
    meter: "Power",
    light: "IndicatorLED",
    log: { owner: "system", id: "Log1", inline: true },
    expand: false,
  },
  /** XCC on SR650. */
  lenovo: {
    vendor: "Lenovo",
    oem: "Lenovo",
    product: "Lenovo ThinkSystem",
    manufacturer: "Lenovo",
    firmware: "AFBT58B 5.70",
    version: "1.14.0",
    slash: false,
    ids: { system: "1", manager: "1", chassis: "1" },
    resetTypes: [...common, "ForceOn"],
    inline: true,
    accepts: 204,
    already: undefined,
    sessions: 16,
    full: "Base.1.8.SessionLimitExceeded",
    etag: "strong",
    precondition: true,
    weakRefused: false,
    targets: ["None", "Pxe", "Cd", "Usb", "Hdd", "BiosSetup", "Diags", "UefiTarget", "UefiHttp"],
    media: "patch",
    mode: "kept",
    refusesInPost: undefined,
    proof: undefined,
    progress: "BootProgress",
    meter: "EnvironmentMetrics",
    light: "LocationIndicatorActive",
    log: { owner: "system", id: "PlatformLog", inline: true },
    expand: false,
  },
  /** bmcweb. */
  openbmc: {
    vendor: "",
    oem: "OpenBmc",
    product: "",
    manufacturer: "OpenPOWER",
    firmware: "2.18.0",
    version: "1.17.0",
    slash: false,
    ids: { system: "system", manager: "bmc", chassis: "chassis" },
    resetTypes: [...common, "ForceOn", "PowerCycle"],
    inline: false,
    accepts: 204,
    already: undefined,
    sessions: 64,
    full: "Base.1.13.SessionLimitExceeded",
    etag: "strong",
    precondition: false,
    weakRefused: false,
    targets: ["None", "Pxe", "Hdd", "Cd", "Diags", "BiosSetup", "Usb"],
    mode: "kept",
    refusesInPost: undefined,
    proof: "LastResetTime",
    progress: "BootProgress",
    meter: "EnvironmentMetrics",
    light: "LocationIndicatorActive",
    log: { owner: "system", id: "EventLog", inline: true },
    expand: true,
  },
  /** MegaRAC SP-X, as on Gigabyte and ASRock Rack boards. */
  ami: {
    vendor: "AMI",
    oem: "Ami",
    product: "AMI Redfish Server",
    manufacturer: "GIGABYTE",
    firmware: "12.61.21",
    version: "1.11.0",
    slash: false,
    ids: { system: "Self", manager: "Self", chassis: "Self" },
    resetTypes: [...common],
    inline: true,
    accepts: 202,
    already: undefined,
    sessions: 16,
    full: "Base.1.10.SessionLimitExceeded",
    etag: "weak",
    precondition: true,
    weakRefused: true,
    targets: ["None", "Pxe", "Cd", "Usb", "Hdd", "BiosSetup", "UefiShell"],
    media: "action",
    mode: "kept",
    refusesInPost: undefined,
    proof: undefined,
    progress: "BootProgress",
    meter: "Power",
    light: "IndicatorLED",
    log: { owner: "manager", id: "SEL", inline: true },
    expand: false,
  },
} as const satisfies Record<string, Personality>;

/** The name of a personality. */
export type PersonalityName = keyof typeof personalities;
