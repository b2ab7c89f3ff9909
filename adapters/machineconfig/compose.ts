import { LightsoutError } from "#events";
import { at, type Document, kindOf, maps, parseDocuments, printDocuments } from "./documents.ts";
import { patchDocuments } from "./merge.ts";
import { isProtectedLabel } from "./protected.ts";

/** What the inventory knows of a machine and its configuration must say. */
export interface MachineFacts {
  readonly hostname: string;
  readonly role: "worker" | "control-plane";
  /** The installer of the machine's own schematic: without it the extensions are gone after the install. */
  readonly installer?: InstallerImage;
  /** The disk to install to, by what it carries itself: names such as `/dev/sda` change from boot to boot. */
  readonly disk?: { readonly serial: string } | { readonly wwid: string };
  readonly labels?: Readonly<Record<string, string>>;
  /** Key to `value:Effect`. */
  readonly taints?: Readonly<Record<string, string>>;
  /** Kernel modules to load, such as those of NVIDIA. */
  readonly modules?: readonly string[];
}

export interface InstallerImage {
  readonly schematic: string;
  /** With `v`: `v1.13.9`. */
  readonly version: string;
  /** Default `factory.talos.dev`. */
  readonly registry?: string;
  readonly secureBoot?: boolean;
}

/** A machine configuration, and what it cannot say. */
export interface ComposedConfig {
  readonly text: string;
  readonly documents: readonly Document[];
  /** For workers: kubelets may not set these themselves (NodeRestriction), so they are set through the Kubernetes API once it has joined. */
  readonly viaKubernetes: { readonly labels: Readonly<Record<string, string>>; readonly taints: Readonly<Record<string, string>> };
}

/** The modules that NVIDIA's drivers need. */
export const nvidiaModules: readonly string[] = ["nvidia", "nvidia_uvm", "nvidia_drm", "nvidia_modeset"];

/** `factory.talos.dev/metal-installer/<schematic>:<version>`. */
export function installerImage({ registry = "factory.talos.dev", schematic, secureBoot = false, version }: InstallerImage): string {
  return `${registry}/metal-installer${secureBoot ? "-secureboot" : ""}/${schematic}:${version}`;
}

/**
 * One machine's configuration: the base as `talosctl gen config` or talhelper wrote it, then the patches in their order (pool before
 * machine), then what the inventory says. Always from the pristine base, since patches append to lists. It may still be wrong:
 * `checkMachineConfig` says so. Throws `LO_MACHINE_CONFIG` and `LO_CONFIG_PATCH`.
 *
 * @param options.names what errors call the base and each patch; default `the base configuration` and `patch 1`
 */
export function composeMachineConfig(options: {
  base: string;
  patches?: readonly string[];
  facts: MachineFacts;
  names?: { readonly base: string; readonly patches: readonly string[] };
}): ComposedConfig {
  const { facts, names } = options;
  const patched = (options.patches ?? []).reduce(
    (documents, patch, index) => applyPatch(documents, patch, names?.patches[index] ?? `patch ${index + 1}`),
    parseDocuments(options.base, names?.base ?? "the base configuration"),
  );
  const worker = facts.role === "worker";
  const labels = Object.entries(facts.labels ?? {});
  const taints = Object.entries(facts.taints ?? {});
  const documents = [
    hostname,
    install,
    modules,
    nodeSettings(
      labels.filter(([key]) => !worker || !isProtectedLabel(key)),
      worker ? [] : taints,
    ),
  ].reduce<Document[]>((now, say) => patchDocuments(now, say(now, facts)), patched);
  return {
    text: printDocuments(documents),
    documents,
    viaKubernetes: {
      labels: Object.fromEntries(labels.filter(([key]) => worker && isProtectedLabel(key))),
      taints: Object.fromEntries(worker ? taints : []),
    },
  };
}

type Say = (now: readonly Document[], facts: MachineFacts) => Document[];

const main = (machine: object): Document => ({ machine });
const document = (kind: string, content: object): Document => ({ apiVersion: "v1alpha1", kind, ...content });

/** `auto` must be turned off beside a name, or the generated `auto: stable` stays and Talos refuses both. */
const hostname: Say = (now, facts) =>
  kindOf(now, "HostnameConfig")
    ? [document("HostnameConfig", { hostname: facts.hostname, auto: "off" })]
    : [main({ network: { hostname: facts.hostname } })];

const install: Say = (now, { disk, installer }) => {
  const image = installer && installerImage(installer);
  if (kindOf(now, "UnattendedInstallConfig")) {
    const match =
      disk && ("serial" in disk ? `disk.serial == ${JSON.stringify(disk.serial)}` : `disk.wwid == ${JSON.stringify(disk.wwid)}`);
    const content = { ...(image && { installer: { image } }), ...(match && { provisioning: { diskSelector: { match } } }) };
    return Object.keys(content).length > 0 ? [document("UnattendedInstallConfig", content)] : [];
  }
  // The base's selector would be merged with ours and its disk be misleading: only what names this machine's own disk stays.
  const only = disk && { diskSelector: { serial: gone, wwid: gone, ...cleared(now), ...disk }, disk: gone };
  return image || only ? [main({ install: { ...(image && { image }), ...only } })] : [];
};

const gone = { $patch: "delete" };
const cleared = (now: readonly Document[]) => {
  const selector = at(
    now.find((one) => one.kind === undefined),
    "machine",
    "install",
    "diskSelector",
  );
  return Object.fromEntries(Object.keys(typeof selector === "object" && selector !== null ? selector : {}).map((key) => [key, gone]));
};

const modules: Say = (now, facts) => {
  const documents = now.filter((one) => one.kind === "KernelModuleConfig").map(({ name }) => name);
  const listed = maps(
    at(
      now.find((one) => one.kind === undefined),
      "machine",
      "kernel",
      "modules",
    ),
  ).map(({ name }) => name);
  const missing = (facts.modules ?? []).filter((name) => !documents.includes(name) && !listed.includes(name));
  return missing.length > 0 ? [main({ kernel: { modules: missing.map((name) => ({ name })) } })] : [];
};

function nodeSettings(labels: readonly [string, string][], taints: readonly [string, string][]): Say {
  return (now) => {
    if (labels.length === 0 && taints.length === 0) return [];
    const given = (labelsKey: string, taintsKey: string) => ({
      ...(labels.length > 0 && { [labelsKey]: Object.fromEntries(labels) }),
      ...(taints.length > 0 && { [taintsKey]: Object.fromEntries(taints) }),
    });
    // 1.14: the document and the old fields exclude one another.
    return kindOf(now, "KubeNodeConfig")
      ? [document("KubeNodeConfig", given("labels", "taints"))]
      : [main(given("nodeLabels", "nodeTaints"))];
  };
}

function applyPatch(documents: Document[], text: string, name: string): Document[] {
  if (/^\s*(#[^\n]*\n\s*)*(\[|-\s+op:)/.test(text)) {
    throw new LightsoutError("LO_CONFIG_PATCH", `${name} is a JSON patch`, {
      hint: "Write it as a strategic merge patch: JSON patches cannot change configurations of several documents",
    });
  }
  const patch = parseDocuments(text, name);
  try {
    return patchDocuments(documents, patch);
  } catch (error) {
    if (!(error instanceof LightsoutError)) throw error;
    throw new LightsoutError(error.code, `${name}: ${error.message}`, { hint: error.hint ?? "Correct the patch", cause: error });
  }
}
