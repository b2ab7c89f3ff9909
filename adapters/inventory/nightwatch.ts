import { isMap, isScalar, LineCounter, type ParsedNode, parseDocument } from "yaml";
import { LightsoutError } from "#events";
import { normaliseHost } from "./host.ts";
import { nearest } from "./nearest.ts";

/** A node as Nightwatch's `nodes.yml` has it (github.com/imlach/nightwatch, `internal/inventory`). */
export interface ImportedNode {
  /** The key in the file. */
  readonly name: string;
  /** Where it stands in the file. */
  readonly line: number;
  /** Of `talos_endpoint`. */
  readonly address: string;
  /** `kube_node_name`. */
  readonly node: string;
  /** A word for its kind of hardware, such as `gpu-worker-small`; not a role of Kubernetes. */
  readonly role?: string;
  /** How many are listed. */
  readonly gpus: number;
  readonly bmc: { readonly type: string; readonly address: string; readonly port?: number; readonly plain: boolean };
  /** Keys that say something and that nothing here reads. */
  readonly other: readonly string[];
}

type Tree = string | Tree[] | { [key: string]: Tree } | null | undefined;
type Path = readonly string[];
type Refuse = (path: Path, message: string, hint: string) => LightsoutError;

/** What Nightwatch drives, and what its authors have announced. */
const bmcTypes = ["amt", "idrac", "ipmi", "ilo", "redfish", "wol"];

/**
 * The nodes of a `nodes.yml`, in the order of the file. Numbers and booleans stay the text that was written. Throws `LO_NIGHTWATCH` with file
 * and line for what Nightwatch refuses too, and for a BMC's or a node's address that cannot be one. Repeats no value but names and addresses.
 *
 * @param file the name that errors give it
 */
export function importNightwatch(text: string, file: string): readonly ImportedNode[] {
  const { tree, lineOf } = readTree(text, file);
  const refuse: Refuse = (path, message, hint) =>
    new LightsoutError("LO_NIGHTWATCH", `${file}:${lineOf(path)}: ${path.length > 0 ? `${path.join(".")} ` : ""}${message}`, { hint });
  const nodes = asMap(asMap(tree)?.nodes);
  if (!nodes || Object.keys(nodes).length === 0)
    throw refuse([], "nodes is missing or empty", "Give Nightwatch's nodes.yml; of a ConfigMap, only the text under data");
  return Object.entries(nodes).map(([name, node]) => readNode(name, node, lineOf(["nodes", name]), refuse));
}

function readNode(name: string, given: Tree, line: number, refuse: Refuse): ImportedNode {
  const at = ["nodes", name];
  const node = asMap(given);
  const bmc = asMap(node?.bmc);
  if (!node) throw refuse(at, "is no map", "Write talos_endpoint, kube_node_name and bmc below it");
  if (!bmc) throw refuse([...at, "bmc"], "is missing", `Write bmc: { type: <${bmcTypes.join(", ")}>, host: <address> }`);
  const need = (map: { [key: string]: Tree }, path: Path) => {
    const found = word(map[path.at(-1) ?? ""]);
    if (found === undefined) throw refuse(path, "is missing", "Nightwatch needs it too: write it as one word");
    return found;
  };
  const type = need(bmc, [...at, "bmc", "type"]);
  if (!bmcTypes.includes(type)) {
    const near = nearest(type, bmcTypes, 1)[0];
    throw refuse([...at, "bmc", "type"], "is no kind of BMC", near ? `Did you mean ${near}?` : `Write one of ${bmcTypes.join(", ")}`);
  }
  const endpoint = readEndpoint(need(node, [...at, "talos_endpoint"]));
  if (!endpoint) throw refuse([...at, "talos_endpoint"], "is no address", "Write the node's host name or IP address, such as 192.0.2.10");
  const host = readEndpoint(need(bmc, [...at, "bmc", "host"]));
  if (!host) throw refuse([...at, "bmc", "host"], "is no address", "Write a host name, an IP address or a URL, such as https://192.0.2.2");
  if (node.gpus !== undefined && node.gpus !== null && !Array.isArray(node.gpus))
    throw refuse([...at, "gpus"], "is no list", "Write one line for each GPU, beginning with -");
  const kubeName = need(node, [...at, "kube_node_name"]);
  if (!/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(kubeName))
    throw refuse([...at, "kube_node_name"], "cannot be a Node's name", "Write it as `kubectl get nodes` prints it");
  const role = word(node.role);
  const known = ["talos_endpoint", "kube_node_name", "role", "gpus", "bmc"];
  return {
    name,
    line,
    address: endpoint.address,
    node: kubeName,
    ...(role !== undefined && { role }),
    gpus: node.gpus?.length ?? 0,
    bmc: { type, ...host },
    other: [
      ...Object.keys(node).filter((key) => !known.includes(key)),
      ...Object.keys(bmc).flatMap((key) => (["type", "host"].includes(key) ? [] : [`bmc.${key}`])),
    ],
  };
}

/** A host name or an IP address, alone, with a port, or in a URL of http or https. A user and a path in it are left out, as Nightwatch does. */
function readEndpoint(given: string): { address: string; port?: number; plain: boolean } | undefined {
  const alone = normaliseHost(given);
  if (alone !== undefined) return { address: alone, plain: false };
  const [, scheme, host = "", digits] =
    /^(?:(https?):\/\/)?(?:[^/@]*@)?(\[[^\]]+\]|[^:/?#]+)(?::(\d{1,5}))?(?:[/?#].*)?$/.exec(given) ?? [];
  const address = normaliseHost(host);
  const port = digits === undefined ? undefined : Number(digits);
  if (address === undefined || port === 0 || (port ?? 0) > 65_535) return undefined;
  return { address, ...(port !== undefined && { port }), plain: scheme === "http" };
}

/** The file as maps, lists and texts, and where each key stands. */
function readTree(text: string, file: string): { tree: Tree; lineOf(path: Path): number } {
  const lineCounter = new LineCounter();
  const refuse = (line: number, message: string) =>
    new LightsoutError("LO_NIGHTWATCH", `${file}:${line}: ${message}`, { hint: "Give Nightwatch's nodes.yml, a YAML file" });
  let document: ReturnType<typeof parseDocument<ParsedNode>>;
  let tree: Tree;
  try {
    document = parseDocument<ParsedNode>(text, { schema: "failsafe", merge: true, prettyErrors: false, logLevel: "silent", lineCounter });
    tree = document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 });
  } catch {
    throw refuse(1, "the file cannot be read as YAML");
  }
  // The parser's own words repeat the text, which may hold a password.
  const [error] = document.errors;
  if (error) throw refuse(lineCounter.linePos(error.pos[0]).line, `this is not YAML (${error.code})`);
  const lineOf = (path: Path) => {
    let here: unknown = document.contents;
    let offset = 0;
    for (const segment of path) {
      const pair = isMap(here) ? here.items.find(({ key }) => isScalar(key) && key.value === segment) : undefined;
      if (!pair) break;
      offset = (pair.key as ParsedNode).range[0];
      here = pair.value;
    }
    return Math.max(1, lineCounter.linePos(offset).line);
  };
  return { tree, lineOf };
}

const asMap = (tree: Tree): { [key: string]: Tree } | undefined =>
  typeof tree === "object" && tree !== null && !Array.isArray(tree) ? tree : undefined;
const word = (tree: Tree): string | undefined => (typeof tree === "string" && tree.trim() !== "" ? tree.trim() : undefined);
