import { createHash } from "node:crypto";
import { LightsoutError } from "#events";

/** What an Image Factory builds boot assets and installers from. Keys as the Factory's API has them. */
export interface Schematic {
  readonly owner?: string;
  readonly overlay?: {
    readonly image?: string;
    readonly name?: string;
    readonly options?: Readonly<Record<string, string | number | boolean>>;
  };
  readonly customization?: {
    readonly embeddedMachineConfiguration?: string;
    readonly extraKernelArgs?: readonly string[];
    readonly meta?: readonly { readonly key: number; readonly value: string }[];
    readonly systemExtensions?: { readonly officialExtensions?: readonly string[] };
    readonly bootloader?: "auto" | "dual-boot" | "grub" | "sd-boot";
    readonly secureboot?: { readonly enrollKeys?: "off" | "manual" | "if-safe" | "force"; readonly includeWellKnownCertificates?: boolean };
    readonly diskImage?: { readonly sectorSize?: number };
  };
}

/** The keys in the Factory's order: it hashes its own spelling, whatever order was sent. */
const order: readonly string[] = [
  ...["owner", "overlay", "image", "name", "options", "customization", "embeddedMachineConfiguration", "extraKernelArgs", "meta"],
  ...["key", "value", "systemExtensions", "officialExtensions", "bootloader", "secureboot", "enrollKeys", "includeWellKnownCertificates"],
  ...["diskImage", "sectorSize"],
];

/**
 * The id that the Image Factory gives a schematic, without asking it: the SHA-256 of the canonical YAML. The order of extensions counts:
 * sort them, so that equal sets have equal ids. Throws `LO_SCHEMATIC` for a text whose quoting in YAML is not certain; ask the Factory then.
 */
export const schematicId = (schematic: Schematic): string => createHash("sha256").update(canonicalSchematic(schematic)).digest("hex");

/** The canonical YAML of a schematic: four spaces, list items under their key, nothing that is empty but `customization`. */
export function canonicalSchematic({ customization: given, ...rest }: Schematic): string {
  // `customization:` with nothing behind it is null when it is read, and as good as left out.
  const customization = given ?? {};
  const body = lines({ ...rest, customization }, "");
  const empty = lines(customization, "").length === 0;
  return `${[...body, ...(empty ? ["customization: {}"] : [])].join("\n")}\n`;
}

/** @param free its keys are the user's own: an overlay's options */
function lines(map: object, indent: string, free = false): string[] {
  const given = Object.entries(map).filter(([, value]) => !isZero(value));
  const unknown = given.find(([key]) => !free && !order.includes(key));
  if (unknown) throw uncertain(`the key ${JSON.stringify(unknown[0])} is not known`);
  const sorted = given.toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b) || (a < b ? -1 : 1));
  return sorted.flatMap(([key, value]) => entry(key, value, indent));
}

function entry(key: string, value: unknown, indent: string): string[] {
  const deeper = `${indent}    `;
  if (Array.isArray(value)) {
    return [
      `${indent}${key}:`,
      ...value.flatMap((item: unknown) => {
        if (typeof item !== "object" || item === null) return [`${deeper}- ${scalar(item)}`];
        // A meta item's value stands even when it is empty.
        const inner = Object.entries(item).toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b));
        return inner.map(([name, one], index) => `${deeper}${index === 0 ? "- " : "  "}${name}: ${scalar(one)}`);
      }),
    ];
  }
  if (typeof value === "object" && value !== null) {
    const inner = lines(value, deeper, key === "options");
    return inner.length === 0 ? [] : [`${indent}${key}:`, ...inner];
  }
  return [`${indent}${key}: ${scalar(value)}`];
}

/** Words that a reader of YAML 1.1 or 1.2 takes for something else than a text, so that Go quotes them. */
const words = /^(y|n|yes|no|on|off|true|false|null|nan|inf)$/i;

function scalar(value: unknown): string {
  if (typeof value === "boolean" || (typeof value === "number" && Number.isSafeInteger(value))) return String(value);
  const plain = typeof value === "string" && /^-?[A-Za-z][A-Za-z0-9_.,/=:@+%-]*$/.test(value) && !value.endsWith(":") && !words.test(value);
  const number = typeof value === "string" && /^[0-9][A-Za-z0-9_.]*=[A-Za-z0-9_.,/=@+%-]*$/.test(value);
  if (plain || number) return String(value);
  throw uncertain(`how the Factory writes ${JSON.stringify(value)} is not certain`);
}

const isZero = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  value === 0 ||
  value === false ||
  (typeof value === "object" && (Array.isArray(value) ? value.length === 0 : Object.values(value).every(isZero)));

const uncertain = (what: string) =>
  new LightsoutError("LO_SCHEMATIC", `The schematic's id cannot be computed: ${what}`, {
    hint: "Send the schematic to the Image Factory (POST /schematics) and use the id that it answers",
  });
