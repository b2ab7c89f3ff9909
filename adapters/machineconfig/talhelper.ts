import { LightsoutError } from "#events";
import { at, isMap, maps, parseDocuments } from "./documents.ts";
import { type Schematic, schematicId } from "./schematic.ts";

/** A cluster as `talconfig.yaml` declares it. */
export interface ImportedCluster {
  readonly clusterName: string;
  readonly endpoint: string;
  readonly talosVersion?: string;
  readonly kubernetesVersion?: string;
  readonly machines: readonly ImportedMachine[];
  /** What could not be taken over, for a person. */
  readonly notes: readonly string[];
}

export interface ImportedMachine {
  readonly name: string;
  readonly role: "worker" | "control-plane";
  readonly addresses: readonly string[];
  /** From device selectors; talhelper knows no others. */
  readonly macs: readonly string[];
  readonly installDisk?: string;
  readonly installDiskSelector?: Readonly<Record<string, unknown>>;
  readonly schematic?: Schematic;
  /** Given, or computed from `schematic`. */
  readonly schematicId?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: Readonly<Record<string, string>>;
  readonly modules: readonly string[];
  /** Strategic merge patches as written; `@./file` names a file. */
  readonly patches: readonly string[];
  /** Where `talhelper genconfig` writes this machine's configuration. */
  readonly file: string;
}

/**
 * The machines of a talhelper `talconfig.yaml`: names, addresses, roles, schematics and patches, each node with what its group gives it. Reads
 * no secret and runs no template; what it cannot take over is noted. Throws `LO_TALHELPER` for a text that is no talconfig.
 */
export function importTalhelper(text: string): ImportedCluster {
  const [config, ...more] = parseDocuments(text, "talconfig.yaml");
  const clusterName = word(config?.clusterName);
  const endpoint = word(config?.endpoint);
  if (!config || more.length > 0 || clusterName === undefined || endpoint === undefined)
    throw wrong("clusterName and endpoint are missing");
  if (!Array.isArray(config.nodes)) throw wrong("nodes is no list");
  const notes: string[] = [];
  const talosVersion = word(config.talosVersion);
  if (talosVersion === undefined) notes.push("talosVersion is not pinned: the version would change with talhelper's own");
  const kubernetesVersion = word(config.kubernetesVersion);
  const shared = patchesOf(config.patches, "patches", notes);
  const machines = config.nodes.map((node: unknown, index) => {
    const controls = at(node, "controlPlane") === true;
    const group = at(config, controls ? "controlPlane" : "worker");
    return machineOf(node, { index, controls, group, shared, clusterName, notes });
  });
  const twice = machines.map(({ name }) => name).find((name, index, all) => all.indexOf(name) !== index);
  if (twice !== undefined) throw wrong(`two nodes are called ${twice}`);
  return { clusterName, endpoint, ...(talosVersion && { talosVersion }), ...(kubernetesVersion && { kubernetesVersion }), machines, notes };
}

interface Around {
  readonly index: number;
  readonly controls: boolean;
  readonly group: unknown;
  readonly shared: readonly string[];
  readonly clusterName: string;
  readonly notes: string[];
}

function machineOf(node: unknown, around: Around): ImportedMachine {
  const { clusterName, controls, group, index, notes } = around;
  const name = word(at(node, "hostname"));
  const addresses = (word(at(node, "ipAddress")) ?? "")
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
  if (name === undefined || addresses.length === 0) throw wrong(`nodes[${index}] has no hostname or no ipAddress`);
  for (const given of [name, ...addresses])
    if (given.includes("${")) notes.push(`${name}: ${given} comes from the environment; write it out`);
  // The group fills what the node leaves open; of patches both count, the node's first.
  const of = (key: string) => at(node, key) ?? at(group, key);
  const installDisk = word(at(node, "installDisk"));
  const selector = at(node, "installDiskSelector");
  if (at(node, "ignoreHostname") === true) notes.push(`${name}: ignoreHostname is set; Lightsout names machines itself`);
  return {
    name,
    role: controls ? "control-plane" : "worker",
    addresses,
    macs: macsOf(of("networkInterfaces")),
    ...(installDisk !== undefined && { installDisk }),
    ...(isMap(selector) && { installDiskSelector: selector }),
    ...schematicOf(name, of("schematic"), word(of("imageSchematic")), notes),
    labels: texts(of("nodeLabels")),
    taints: texts(of("nodeTaints")),
    modules: maps(of("kernelModules"))
      .map((one) => word(one.name))
      .filter((one) => one !== undefined),
    patches: [
      ...around.shared,
      ...patchesOf(at(node, "patches"), `${name}: patches`, notes),
      ...(at(node, "overridePatches") === true ? [] : patchesOf(at(group, "patches"), `${name}: the group's patches`, notes)),
    ],
    file: `clusterconfig/${clusterName}-${name}.yaml`,
  };
}

function schematicOf(
  name: string,
  given: unknown,
  id: string | undefined,
  notes: string[],
): Pick<ImportedMachine, "schematic" | "schematicId"> {
  if (id !== undefined && /^[0-9a-f]{64}$/.test(id)) return { schematicId: id };
  if (id !== undefined) notes.push(`${name}: imageSchematic is no schematic id`);
  if (!isMap(given)) return {};
  const schematic = given as Schematic;
  try {
    return { schematic, schematicId: schematicId(schematic) };
  } catch (error) {
    if (!(error instanceof LightsoutError)) throw error;
    notes.push(`${name}: ${error.message}; ask the Image Factory for it`);
    return { schematic };
  }
}

/** Addresses of cards that selectors name whole, not by a pattern. */
function macsOf(interfaces: unknown): string[] {
  const selectors = maps(interfaces).flatMap((one) => [one.deviceSelector, ...maps(at(one, "bond", "deviceSelectors"))]);
  const macs = selectors.flatMap((one) => [word(at(one, "hardwareAddr")), word(at(one, "permanentAddr"))]);
  return [...new Set(macs.filter((one) => one !== undefined).map((one) => one.toLowerCase()))].filter((one) =>
    /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(one),
  );
}

function patchesOf(given: unknown, where: string, notes: string[]): string[] {
  if (given === undefined || given === null) return [];
  const list = Array.isArray(given) ? given.filter((one): one is string => typeof one === "string") : [];
  if (!Array.isArray(given) || list.length !== given.length) notes.push(`${where}: only texts are patches`);
  if (list.some((one) => /\{\{|\$\{/.test(one))) notes.push(`${where}: templates and variables are not filled in; write the values out`);
  return list;
}

const texts = (value: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(isMap(value) ? value : {}).flatMap(([key, one]) => (isMap(one) || Array.isArray(one) ? [] : [[key, String(one ?? "")]])),
  );
const word = (value: unknown): string | undefined => (typeof value === "string" && value.trim() !== "" ? value.trim() : undefined);
const wrong = (what: string) =>
  new LightsoutError("LO_TALHELPER", `This is no talconfig.yaml: ${what}`, { hint: "Give the file that `talhelper genconfig` reads" });
