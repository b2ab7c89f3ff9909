import { readFile } from "node:fs/promises";
import { LightsoutError } from "#events";
import { checkMachineConfig } from "./check.ts";
import { composeMachineConfig, type InstallerImage, installerImage } from "./compose.ts";
import { type ConfigDifference, diffConfig } from "./diff.ts";
import { type Document, printDocuments } from "./documents.ts";
import { kubernetesComponents, kubernetesImage, withImage, withKubernetes } from "./kubernetes.ts";
import type { ConfigProblem, Declared, MachineConfigs, Rendered } from "./port.ts";
import { error } from "./rules/rule.ts";

/** What is declared of one machine. What is absent was not said. */
export interface Declaration {
  readonly role: "worker" | "control-plane";
  /** Also the name of its Node. */
  readonly hostname: string;
  /** With `v`, as `kubernetes`. */
  readonly version?: string;
  readonly kubernetes?: string;
  /** 64 hexadecimal digits. */
  readonly schematic?: string;
  /** Of the schematic, where it is written out. */
  readonly extensions?: readonly string[];
  readonly kernelArgs?: readonly string[];
  /** Of installers; default `factory.talos.dev`. */
  readonly registry?: string;
  readonly secureBoot?: boolean;
  readonly disk?: { readonly serial: string } | { readonly wwid: string };
  /** The file that it is made from, with its secrets. */
  readonly base?: string;
  /** Files with patches, in their order. */
  readonly patches: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Key to `value:Effect`. */
  readonly taints: Readonly<Record<string, string>>;
  readonly modules: readonly string[];
  /** Machines with the same profile have the same hardware. */
  readonly profile: string;
  readonly dhcpHostname?: boolean;
}

/** @param declarationOf `undefined` for a machine of which nothing is declared */
export function createMachineConfigs(declarationOf: (machine: string) => Declaration | undefined): MachineConfigs {
  const of = (machine: string): Declaration & { readonly version: string; readonly schematic: string } => {
    const declaration = declarationOf(machine);
    if (!declaration) throw undeclared(`What ${machine} is to run is not declared`, "talos");
    const { schematic, version } = declaration;
    if (version === undefined) throw undeclared(`The version of Talos of ${machine} is not declared`, "talos.version");
    if (schematic === undefined) throw undeclared(`The schematic of ${machine} is not declared`, "talos.schematic or talos.extensions");
    return { ...declaration, version, schematic };
  };

  const compose = async (machine: string, version?: string): Promise<Composed> => {
    const declaration = of(machine);
    const { base, kubernetes, patches, role } = declaration;
    if (base === undefined) {
      throw new LightsoutError("LO_MACHINE_CONFIG", `${machine} has no configuration to be made from`, {
        hint: `Write talos.base.${role === "worker" ? "worker" : "controlPlane"} in lightsout.yaml, or talos.config of the machine`,
      });
    }
    const [text, ...changes] = await Promise.all([base, ...patches].map((file) => read(machine, file)));
    const composed = composeMachineConfig({
      base: text ?? "",
      patches: changes,
      names: { base, patches },
      facts: { ...declaration, installer: installerOf(declaration, version ?? declaration.version) },
    });
    const documents = kubernetes === undefined ? composed.documents : withAllImages(composed.documents, kubernetes);
    return { documents, viaKubernetes: composed.viaKubernetes };
  };

  return {
    has(machine) {
      const declaration = declarationOf(machine);
      return declaration?.version !== undefined && declaration.schematic !== undefined;
    },
    declared(machine) {
      const { disk, extensions, kubernetes, labels, profile, schematic, taints, version, ...rest } = of(machine);
      const image = (other: string) => installerImage(installerOf({ ...rest, schematic }, other));
      return {
        ...{ version, schematic, installer: image(version), labels, taints, profile, installerOf: image },
        ...(extensions && { extensions }),
        ...(kubernetes !== undefined && { kubernetes }),
        ...(disk && { disk }),
      } satisfies Declared;
    },
    async render(machine, { version } = {}) {
      const { documents, viaKubernetes } = await compose(machine, version);
      return { text: printDocuments(documents), viaKubernetes };
    },
    async problems(machine) {
      try {
        const { documents } = await compose(machine);
        return checkMachineConfig(documents, of(machine));
      } catch (thrown) {
        if (thrown instanceof LightsoutError) return [problemOf(thrown)];
        throw thrown;
      }
    },
    async diff(machine, running) {
      const { documents } = await compose(machine);
      return diffConfig(documents, running).map(inWords);
    },
    withKubernetes,
    kubernetesImage,
  };
}

interface Composed {
  readonly documents: readonly Document[];
  readonly viaKubernetes: Rendered["viaKubernetes"];
}

const installerOf = (
  { registry, schematic, secureBoot }: { schematic: string; registry?: string; secureBoot?: boolean },
  version: string,
): InstallerImage => ({ schematic, version, ...(registry !== undefined && { registry }), ...(secureBoot !== undefined && { secureBoot }) });

const withAllImages = (documents: readonly Document[], version: string) =>
  kubernetesComponents.reduce((now, component) => withImage(now, component, version), documents);

async function read(machine: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? "no reason given";
    throw new LightsoutError("LO_MACHINE_CONFIG", `${file}, which ${machine} is made from, cannot be read (${code})`, {
      hint: "Correct the path in lightsout.yaml, or make the file readable for Lightsout",
      cause: thrown,
    });
  }
}

const problemOf = ({ code, hint, message }: LightsoutError): ConfigProblem =>
  error(code === "LO_NOT_DECLARED" ? "not-declared" : "unreadable", "", message, hint ?? "Correct it");

/** As `machine.install.image: declared "…", running "…"`. */
function inWords({ declared, document, is, path, running }: ConfigDifference): string {
  const place = [...(document === "v1alpha1" && path !== "" ? [] : [document]), ...(path === "" ? [] : [path])].join(" ");
  if (is === "missing") return `${place}: declared ${declared}, and not there`;
  if (is === "unwanted") return `${place}: not declared, running ${running}`;
  return `${place}: declared ${declared}, running ${running}`;
}

const undeclared = (message: string, key: string) =>
  new LightsoutError("LO_NOT_DECLARED", message, { hint: `Write ${key} in lightsout.yaml, for the machine, its pool or all` });
