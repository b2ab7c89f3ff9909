import type { Role } from "#adapters/inventory/mod.ts";
import type { Declaration } from "#adapters/machineconfig/mod.ts";
import { LightsoutError } from "#events";
import type { Finding } from "./problem.ts";
import { type KnownSchematic, schematicOf } from "./schematic.ts";
import { present } from "./store.ts";
import type { SharedTalos, TalosConfig, WrittenTalos } from "./talos.ts";

type Declared = Omit<Declaration, "role" | "hostname" | "schematic" | "extensions" | "kernelArgs">;

/**
 * What a machine is meant to run, with everything that its pool, `defaults` and `talos` give it. Files are absolute after loading; patches
 * are of `defaults` first, then of the pool, then of the machine.
 */
export interface MachineTalos extends Declared {
  readonly schematic?: KnownSchematic;
  readonly registry: string;
  readonly netboot: "pxe" | "http" | "media" | "first";
  readonly diskBoot: "auto" | "exit" | "exit-1" | "sanboot";
  readonly dhcpHostname: boolean;
  readonly arch: "amd64" | "arm64";
  readonly secureBoot: boolean;
}

type Report = (finding: Omit<Finding, "path"> & { path: string[] }) => void;

/**
 * One machine's `talos`: the nearest word counts, for `schematic` and `extensions` as one; patches and modules add up, labels and taints do
 * so by their keys. `undefined` where nobody says anything of Talos.
 */
export function mergeTalos(
  levels: {
    readonly site: TalosConfig | undefined;
    readonly shared: readonly (SharedTalos | undefined)[];
    readonly own?: WrittenTalos | undefined;
  },
  about: { readonly role: Role; readonly hardware: string },
  report: Report,
): MachineTalos | undefined {
  const { site, own } = levels;
  /** Farthest first. */
  const all = [...levels.shared, own].filter((one) => one !== undefined);
  if (!site && all.length === 0) return undefined;
  const nearest = <Key extends keyof SharedTalos>(key: Key) => all.findLast((one) => one[key] !== undefined)?.[key];
  const together = <Key extends "patches" | "modules">(key: Key) => [...new Set(all.flatMap((one) => one[key]))];
  const schematic = chooseSchematic(all, own, report);
  const { controlPlane, worker } = site?.base ?? {};
  return {
    ...present({
      version: nearest("version") ?? site?.version,
      kubernetes: nearest("kubernetes") ?? site?.kubernetes,
      schematic,
      disk: own?.disk,
      base: own?.config ?? (about.role === "control-plane" ? controlPlane : worker),
    }),
    patches: together("patches"),
    labels: Object.assign({}, ...all.map((one) => one.labels)),
    taints: Object.assign({}, ...all.map((one) => one.taints)),
    modules: together("modules"),
    registry: site?.registry ?? "factory.talos.dev",
    netboot: nearest("netboot") ?? "pxe",
    diskBoot: nearest("diskBoot") ?? "auto",
    profile: nearest("profile") ?? [about.hardware, schematic?.id.slice(0, 8) ?? "no schematic"].join(", "),
    dhcpHostname: nearest("dhcpHostname") ?? false,
    arch: nearest("arch") ?? "amd64",
    secureBoot: nearest("secureBoot") ?? false,
  };
}

/** A schematic, or the one that has these extensions; beside an id, extensions only say what is in it. */
function chooseSchematic(all: readonly SharedTalos[], own: WrittenTalos | undefined, report: Report): KnownSchematic | undefined {
  const said = all.findLast((one) => one.schematic !== undefined || one.extensions !== undefined);
  if (!said) return undefined;
  const { extensions, schematic } = said;
  const where = ["talos", ...(said === own ? ["extensions"] : [])];
  if (schematic) {
    if (extensions && schematic.extensions) {
      report({ path: where, message: "The schematic is written out and extensions are listed too", fix: "List them in the schematic" });
    }
    return extensions ? { ...schematic, extensions } : schematic;
  }
  try {
    return schematicOf(extensions ?? []);
  } catch (error) {
    if (!(error instanceof LightsoutError)) throw error;
    report({ path: where, message: error.message, fix: error.hint ?? "Write schematic instead" });
    return undefined;
  }
}
